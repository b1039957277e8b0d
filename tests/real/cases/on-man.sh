# A page of the manual, in its pager.
# needs: man less
# plans: default
#< BEGINNING
#> q
printf '.TH X 1\n.SH NAME\nx \\- a page\n.SH BEGINNING\nof it.\n' >x.1; LESS=-X MANPAGER=less exec man ./x.1
