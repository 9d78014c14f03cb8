"""Identity's first data: the demo shop's users, all with the same password, which protects nothing."""

from services.identity.accounts.passwords import PasswordHasher
from services.identity.accounts.users import Users
from services.identity.model import User
from shop.demo import PASSWORD, USERS


async def fill(users: Users, hasher: PasswordHasher) -> None:
    """Add the demo shop's users, whose ids are their names, to an empty database."""
    if not await users.is_empty():
        return
    password_hash = await hasher.hash(PASSWORD)
    demo = [
        User(
            id=name,
            name=name,
            display_name=name.capitalize(),
            email=f"{name}@shop.example",
            scopes=frozenset(scopes),
            password_hash=password_hash,
        )
        for name, scopes in USERS.items()
    ]
    await users.add(demo)
