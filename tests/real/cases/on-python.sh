# Python's prompt.
# needs: python3
# plans: default
#< >>>
#> open('made', 'w').write('four')\n
#< 4
#> import os; os.system('exit 3') >> 8\n
#< 3
#> exit(6)\n
exec python3 -q
