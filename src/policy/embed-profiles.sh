#!/bin/sh
# Writes the built-in profiles as C: embed-profiles.sh OUTPUT PROFILE.yaml...
# As bytes, since compilers need not take string literals of this length.
set -eu
output=$1
shift
{
	printf '#include <string.h>\n\n#include "policy/policy.h"\n\n'
	names=
	for file in "$@"; do
		name=$(basename "$file" .yaml)
		names="$names $name"
		printf 'static const char %s_text[] = {\n' "$(echo "$name" | tr - _)"
		od -An -v -tu1 "$file" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
		printf '0};\n\n'
	done
	printf 'static const char *const names[] = {'
	for name in $names; do printf '"%s", ' "$name"; done
	printf 'NULL};\nstatic const char *const texts[] = {'
	for name in $names; do printf '%s_text, ' "$(echo "$name" | tr - _)"; done
	cat <<'END'
NULL};

const char *const *policy_profiles(void)
{
	return names;
}

const char *policy_profile_text(const char *name)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return texts[i];
	return NULL;
}
END
} > "$output"
