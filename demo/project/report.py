"""Counts the lines of every file below the current folder that may be read, and says which may not."""
import os

lines, refused = 0, []


def note(error):
    refused.append(f"{error.filename}: {error.strerror}")


for folder, folders, names in os.walk(".", onerror=note):
    folders[:] = sorted(name for name in folders if name != ".git")
    for name in sorted(names):
        path = os.path.join(folder, name)
        try:
            with open(path, errors="replace") as file:
                lines += sum(1 for _ in file)
        except OSError as error:
            note(error)
print(f"{lines} lines")
print("\n".join(refused))
