# Nothing at all.
# plans: performed kernel default home
exec true
