"""Identity's first data: the demo shop's users, all with the same password, which guards nothing."""

from kit.demo import PASSWORD, USERS
from services.identity.model import User
from services.identity.passwords import Passwords
from services.identity.users import Users


async def fill(users: Users, passwords: Passwords) -> None:
    """Give an empty database the demo shop's users, whose ids are their names; leave any other as it is."""
    if not await users.is_empty():
        return
    demo = [
        User(
            id=name,
            name=name,
            display_name=name.capitalize(),
            email=f"{name}@shop.example",
            scopes=frozenset(scopes),
            password_hash=await passwords.hash(PASSWORD),
        )
        for name, scopes in USERS.items()
    ]
    await users.add(demo)
