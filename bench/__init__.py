"""What is measured, and against what. Each script says its goal, prints a table, and exits 1 when it misses it.

cost.py       CPU and time of one message, against ffmpeg alone on the same clip
breakdown.py  where the server's own CPU goes, part by part (run by cost.py)
idle.py       memory of an idle socket, against a bare `websockets` server
fairness.py   how long one family's short clip waits behind another's fifty long ones
licences.py   how long a factory's list of licences takes, and how much memory
lighthouse.py how quick and how accessible the pages are
server.py     what they share, with each other and with `trials`: a real server process, and families ready to talk
"""
