"""Orders while a monkey kills what carries them out, and what the ledgers say of it afterwards.

python -m tests.faults --orders 300 --kills 30 --seed 7
"""

import argparse
import logging
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.faults.driver import POSTGRESQL, VICTIMS, Plan, drive
from tests.faults.monkey import Action
from tests.faults.moving import MOVER
from tests.faults.proxy import Mishaps
from tests.faults.sabotage import MECHANISMS
from tests.faults.shop import run_shop

VIOLATED: Final = 1


def main() -> int:
    """Run as the command line says; 0 when every invariant holds."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="how many are to be accepted")
    parser.add_argument("--kills", type=int, default=30, help="how often the monkey strikes")
    parser.add_argument(
        "--seed", type=int, default=None, help="of victims and instants; a new one if left out"
    )
    parser.add_argument("--interval", type=float, default=1.2, help="seconds between two strikes, on average")
    parser.add_argument("--data", type=Path, default=None, help="the shop's folder; a new one if left out")
    parser.add_argument("--dropped", type=float, default=0.0, help="share of the broker's messages")
    parser.add_argument("--doubled", type=float, default=0.0, help="the same")
    parser.add_argument("--delayed", type=float, default=0.0, help="the same")
    parser.add_argument(
        "--victims", nargs="+", choices=(*VICTIMS, POSTGRESQL, MOVER), help="all when left out, but the mover"
    )
    parser.add_argument("--actions", nargs="+", type=Action, default=list(Action), help="SIGKILL alone, say")
    parser.add_argument("--postgresql", action="store_true", help="the databases are on its server")
    parser.add_argument("--rest", type=float, default=60, help="seconds that the shop has to come to rest")
    parser.add_argument("--moved", type=int, default=0, help="buckets that move between shards meanwhile")
    parser.add_argument("--instances", type=int, default=1, help="of ordering; each may be hit")
    parser.add_argument("--and-back", action="store_true", help="and back, and there again")
    parser.add_argument(
        "--without",
        nargs="+",
        choices=MECHANISMS,
        default=(),
        help="mechanisms to take away, in one process that nothing kills: the run must fail",
    )
    arguments = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    data = arguments.data or Path(tempfile.mkdtemp(prefix="faults-"))
    logging.basicConfig(level=logging.ERROR)
    plan = Plan(
        orders=arguments.orders,
        kills=0 if arguments.without else arguments.kills,
        seed=seed,
        interval=arguments.interval,
        rest=arguments.rest,
        victims=arguments.victims or (*VICTIMS, *([POSTGRESQL] if arguments.postgresql else [])),
        actions=arguments.actions,
        moved=arguments.moved,
        and_back=arguments.and_back,
        instances=arguments.instances,
    )
    say(f"seed {seed}, data in {data}")
    mishaps = Mishaps(dropped=arguments.dropped, doubled=arguments.doubled, delayed=arguments.delayed)
    outcome = run_shop(
        data,
        lambda shop: drive(shop, plan),
        mishaps=mishaps,
        seed=seed,
        on_postgresql=arguments.postgresql,
        without=arguments.without,
    )
    for line in outcome.report():
        say(line)
    return VIOLATED if outcome.violations or outcome.unsettled else 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
