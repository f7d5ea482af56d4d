"""The crash laboratory: breaks this project on purpose, and counts what is lost.

    python -m tests.lab --dose short --fault kill

| module | what it is |
|---|---|
| `chance` | all that is left to chance, from a seed that is printed |
| `records` | what was asked and what was answered, written down outside the process that is harmed |
| `checker` | compares that with what is found after a recovery, and names every wrong value |
| `victim` | the process that is harmed: the project's real services, driven by commands |
| `nursery` | starts victims quickly, talks to them, kills them |
| `load` | people at work: random edits, removals, saves, snapshots, each of them recorded |
| `laboratory` | a folder with databases, victims, load, recovery and check, for one way to be durable |
| `proxy` | stands between a victim and PostgreSQL, and takes the database away, at a COMMIT if need be |
| `strace` | counts a victim's system calls, kills it at one of them, makes them fail |
| `platter` | what may be left on a disk by a power cut, worked out from recorded system calls |
| `server` | the real server, for what only it can show |
| `faults` | what is done to a victim, one module each |
| `broken`, `controls` | variants that lose data on purpose, and the proof that the checker notices |
"""
