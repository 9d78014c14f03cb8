CREATE TABLE users (
	id VARCHAR(64) NOT NULL,
	name VARCHAR(64) NOT NULL,
	name_key VARCHAR(256) NOT NULL,
	display_name VARCHAR(64) NOT NULL,
	email VARCHAR(254) NOT NULL,
	scopes TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name_key)
);
CREATE TABLE dpop_proofs (
	id VARCHAR(64) NOT NULL,
	expires_at DOUBLE NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_dpop_proofs_expires_at ON dpop_proofs (expires_at);
CREATE TABLE logout_notifications (
	id VARCHAR(43) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	sid VARCHAR(43) NOT NULL,
	created_at DOUBLE NOT NULL,
	due_at DOUBLE NOT NULL,
	attempts INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_logout_notifications_due_at ON logout_notifications (due_at);
CREATE TABLE attempts (
	"key" VARCHAR(64) NOT NULL,
	total INTEGER NOT NULL,
	since DOUBLE NOT NULL,
	PRIMARY KEY ("key")
);
CREATE INDEX ix_attempts_since ON attempts (since);
CREATE TABLE signing_keys (
	number INTEGER NOT NULL,
	kid VARCHAR(43) NOT NULL,
	algorithm VARCHAR(8) NOT NULL,
	public JSON NOT NULL,
	encrypted BLOB NOT NULL,
	created_at DOUBLE NOT NULL,
	signs_from DOUBLE NOT NULL,
	signs_until DOUBLE NOT NULL,
	published_until DOUBLE,
	PRIMARY KEY (number),
	UNIQUE (kid)
);
CREATE TABLE sso_sessions (
	id VARCHAR(43) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	auth_time DOUBLE NOT NULL,
	ends_at DOUBLE NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (digest),
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX ix_sso_sessions_user_id ON sso_sessions (user_id);
CREATE INDEX ix_sso_sessions_ends_at ON sso_sessions (ends_at);
CREATE TABLE codes (
	digest VARCHAR(64) NOT NULL,
	sso_session_id VARCHAR(43) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	auth_time DOUBLE NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	redirect_uri TEXT NOT NULL,
	scopes TEXT NOT NULL,
	nonce TEXT,
	code_challenge VARCHAR(43) NOT NULL,
	ends_at DOUBLE NOT NULL,
	sid VARCHAR(43),
	PRIMARY KEY (digest),
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX ix_codes_ends_at ON codes (ends_at);
CREATE INDEX ix_codes_sso_session_id ON codes (sso_session_id);
CREATE TABLE grants (
	sid VARCHAR(43) NOT NULL,
	sso_session_id VARCHAR(43) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	client_id VARCHAR(64) NOT NULL,
	scopes TEXT NOT NULL,
	auth_time DOUBLE NOT NULL,
	ends_at DOUBLE NOT NULL,
	ended_at DOUBLE,
	family VARCHAR(64),
	PRIMARY KEY (sid),
	FOREIGN KEY(user_id) REFERENCES users (id),
	UNIQUE (family)
);
CREATE INDEX ix_grants_ended_at ON grants (ended_at);
CREATE INDEX ix_grants_user_id ON grants (user_id);
CREATE INDEX ix_grants_sso_session_id ON grants (sso_session_id);
CREATE INDEX ix_grants_ends_at ON grants (ends_at);
CREATE TABLE refresh_tokens (
	digest VARCHAR(64) NOT NULL,
	sid VARCHAR(43) NOT NULL,
	valid_until DOUBLE,
	PRIMARY KEY (digest),
	FOREIGN KEY(sid) REFERENCES grants (sid) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_sid ON refresh_tokens (sid);
CREATE TABLE code_keys (
	digest VARCHAR(64) NOT NULL,
	jkt VARCHAR(43) NOT NULL,
	PRIMARY KEY (digest),
	FOREIGN KEY(digest) REFERENCES codes (digest) ON DELETE CASCADE
);
CREATE TABLE grant_keys (
	sid VARCHAR(43) NOT NULL,
	jkt VARCHAR(43) NOT NULL,
	PRIMARY KEY (sid),
	FOREIGN KEY(sid) REFERENCES grants (sid) ON DELETE CASCADE
);
