"""What takes minutes and must come out at nothing: nothing lost, nobody in, under load and faults. Each script says
what it does to the server, prints what it counted, and exits 1 where a count that must be 0 is not.

crash.py      kill −9 and full disks at random moments: nothing lost, doubled, misdelivered or misordered
neighbours.py families who talk over sockets that break, until everything was accepted
small_disk.py a file system that can be filled
fuzz/         a million wrong inputs for the parsers, thousands of broken recordings for the converter
bombs.py      hostile recordings through every ffmpeg: little cost, and nothing but sound comes out
verdict.py    what must be true after crashes, counted
powercut/     the power is cut at every moment of a recorded life: every promise is kept
soak/         mixed traffic for as long as you like, every frame held against a model of what must be true
siege/        thousands who do harm, and whether others notice
command.py    how those of them end that have a folder of their own
process.py    what a process holds: memory, descriptors, threads, children
figures.py    percentiles and trends
clips.py      recordings of any length
"""
