"""The command line of this project: `python manage.py --help`."""

from core.scripts.packages import needed

with needed():
    from core.commands.manage import manage

if __name__ == "__main__":
    manage()
