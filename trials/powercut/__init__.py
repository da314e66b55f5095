"""The power is cut at every moment of a recorded life, on every kind of disk: is every promise kept?

A real server, from the first start of a new house on, is recorded with every write, rename and sync that it and its
children ask the system for, in the order in which they happened, and with what it told its clients meanwhile:
`accepted`, `delivered`, `heard`, that something is erased. After each of these operations the power could have been
cut. What the disk could hold then is made of the record (`disk.py` says how strict that is), the house is opened on it,
and held to everything that it had promised by that moment.

    python -m trials.powercut       all of it

strace.py      what processes ask of their system, in order
operations.py  what that does to the files of one house
disk.py        what a disk may hold after a power cut: the model
promises.py    what clients were told, and whether it is true
stage.py       a folder to put a state of the disk in
restart.py     opening the house there
traffic.py     what people and toys do while it is recorded
processes.py   the processes that are recorded, and how to break their syncing
plan.py        what a run is made of, and what is counted in it
recording.py   one era of a house, recorded
replay.py      every power cut in it
run.py         era after era
"""
