"""The tables of identity. Times are Unix time in seconds; of every secret only its SHA-256 is here."""

import sqlalchemy as sa

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("name_key", sa.String(256), nullable=False, unique=True),
    sa.Column("display_name", sa.String(64), nullable=False),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
)

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("id", sa.String(43), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
)

codes = sa.Table(
    "codes",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("login_id", sa.String(43), nullable=False, index=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("redirect_uri", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text),
    sa.Column("challenge", sa.String(43), nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
    sa.Column("sid", sa.String(43)),  # the grant that came of it, once it was used
)

grants = sa.Table(
    "grants",
    metadata,
    sa.Column("sid", sa.String(43), primary_key=True),
    sa.Column("login_id", sa.String(43), nullable=False, index=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("auth_time", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
    sa.Column("ended_at", sa.Double, index=True),  # when it was ended before its time
    sa.Column("family", sa.String(64), unique=True),  # of its refresh tokens, when it has any
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("sid", sa.ForeignKey("grants.sid", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("good_until", sa.Double),  # once it was used: how long it may come again
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.String(43), primary_key=True),
    sa.Column("client_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("sid", sa.String(43), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("due_at", sa.Double, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("since", sa.Double, nullable=False, index=True),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # two cannot both make the next
    sa.Column("kid", sa.String(43), nullable=False, unique=True),
    sa.Column("algorithm", sa.String(8), nullable=False),
    sa.Column("public", sa.JSON, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("signs_from", sa.Double, nullable=False),
    sa.Column("signs_until", sa.Double, nullable=False),
    sa.Column("published_until", sa.Double),  # known once there is a next one
)
