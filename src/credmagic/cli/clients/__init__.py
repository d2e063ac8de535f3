"""Which programs of other systems can credmagic be the server of, and what has each one to be told?"""

from __future__ import annotations

from credmagic.cli.clients import conductor, datarobot, orchestrate, unify
from credmagic.cli.clients.base import Program

PROGRAMS: dict[str, Program] = {
    "datarobot": datarobot.DataRobot(),
    "conductor": conductor.Conductor(),
    "orchestrate": orchestrate.Orchestrate(),
    "unify": unify.Unify(),
}
