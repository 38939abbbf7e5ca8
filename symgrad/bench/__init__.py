"""The benchmark: emitted code against other people's systems and against what the machine can do, in one run.

`cases` is the table of what is timed, `systems` who is timed, a module each; `turns` gives each system a process of its
own and lets them alternate, `report` prints what came out.
"""
