"""Personal data: all that is held on a person, given to them as JSON or deleted for good.

The session, the account and the devices are known here. What the tables of the team's own hold, only their app knows:
it says so in a module `apps/<name>/personal.py` (see `core.personal.apps`).
"""

from core.personal.apps import Person, person_of
from core.personal.erasure import Remains, erase_person
from core.personal.export import export_archive, export_json, files_held

__all__ = ["Person", "Remains", "erase_person", "export_archive", "export_json", "files_held", "person_of"]
