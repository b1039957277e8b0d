# Rules about system calls: kill before deny before allow, and a name before a group.

{syscalls: [{deny: ptrace}]}
syscall:ptrace
deny EPERM ptrace
syscall:read
default

{syscalls: [{deny: ptrace, errno: ENOSYS}]}
syscall:ptrace
deny ENOSYS ptrace

{syscalls: [{deny: ptrace, errno: 38}]}
syscall:ptrace
deny ENOSYS ptrace

{syscalls: [{kill: [kexec_load, reboot]}]}
syscall:kexec_load
kill kexec_load
syscall:reboot
kill reboot

{syscalls: [{deny: "@debug"}]}
syscall:ptrace
deny EPERM @debug
syscall:process_vm_readv
deny EPERM @debug

{syscalls: [{deny: "@debug"}, {allow: ptrace}]}
syscall:ptrace
allow ptrace
syscall:process_vm_readv
deny EPERM @debug

{syscalls: [{allow: ptrace}, {kill: "@debug"}]}
syscall:ptrace
allow ptrace
syscall:process_vm_readv
kill @debug

{syscalls: [{allow: "@debug"}, {deny: ptrace}]}
syscall:ptrace
deny EPERM ptrace
syscall:process_vm_readv
allow @debug

{syscalls: [{allow: ptrace}, {deny: ptrace}]}
syscall:ptrace
deny EPERM ptrace

{syscalls: [{deny: ptrace}, {kill: ptrace}, {allow: ptrace}]}
syscall:ptrace
kill ptrace

{syscalls: [{deny: "@debug"}, {kill: "@debug"}]}
syscall:ptrace
kill @debug

{syscalls: [{deny: 7777}]}
syscall:7777
deny EPERM 7777

{syscalls: [{deny: "7777"}]}
syscall:7777
deny EPERM 7777
