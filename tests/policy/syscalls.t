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

# Conditions: a rule is about the calls that meet all of them.

{syscalls: [{deny: {socket: {family: [AF_NETLINK, AF_PACKET]}}}]}
syscall:socket(family=AF_NETLINK)
deny EPERM socket(family=[AF_NETLINK,AF_PACKET])
syscall:socket(family=17, type=SOCK_RAW)
deny EPERM socket(family=[AF_NETLINK,AF_PACKET])
syscall:socket(family=AF_INET)
default
syscall:socket(arg0=0x10)
deny EPERM socket(family=[AF_NETLINK,AF_PACKET])

{syscalls: [{deny: {ioctl: {request: TIOCGWINSZ}}, errno: ENOTTY}, {kill: "kill(pid<0, sig=SIGKILL)"}]}
syscall:ioctl(request=TIOCGWINSZ)
deny ENOTTY ioctl(request=TIOCGWINSZ)
syscall:kill(pid=-1, sig=9)
kill kill(pid<0, sig=SIGKILL)
syscall:kill(pid=-1, sig=15)
default
syscall:kill(pid=1, sig=9)
default

{syscalls: [{deny: {clone: {flags: {has: [CLONE_NEWUSER, CLONE_NEWNS|CLONE_NEWPID]}}}}]}
syscall:clone(flags=CLONE_NEWUSER|CLONE_NEWNET)
deny EPERM clone(flags&[CLONE_NEWUSER,CLONE_NEWNS|CLONE_NEWPID])
syscall:clone(flags=CLONE_NEWNS)
default
syscall:clone(flags=CLONE_NEWNS|CLONE_NEWPID|17)
deny EPERM clone(flags&[CLONE_NEWUSER,CLONE_NEWNS|CLONE_NEWPID])

{syscalls: [{deny: [{read: {count: {gt: 5, le: 9}}}, {write: {count: {ge: 7, lt: 8}}}, {lseek: {offset: {lt: -1}}}]}]}
syscall:read(count=5)
default
syscall:read(count=6)
deny EPERM read(count>5, count<=9)
syscall:read(count=9)
deny EPERM read(count>5, count<=9)
syscall:read(count=10)
default
syscall:write(count=7)
deny EPERM write(count>=7, count<8)
syscall:write(count=8)
default
syscall:lseek(offset=-2)
deny EPERM lseek(offset<-1)
syscall:lseek(offset=-1)
default
syscall:lseek(offset=0x7fffffffffffffff)
default

{syscalls: [{deny: [{mmap: {prot: {has: PROT_WRITE|PROT_EXEC}, flags: {mask: MAP_TYPE, eq: MAP_PRIVATE}}}, {mprotect: {prot: {lacks: PROT_READ, ne: [0, 8]}}}]}]}
syscall:mmap(prot=7, flags=MAP_PRIVATE|MAP_ANONYMOUS)
deny EPERM mmap(prot&PROT_WRITE|PROT_EXEC, flags&MAP_TYPE=MAP_PRIVATE)
syscall:mmap(prot=7, flags=MAP_SHARED)
default
syscall:mmap(prot=5, flags=MAP_PRIVATE)
default
syscall:mprotect(prot=PROT_EXEC)
deny EPERM mprotect(prot!&PROT_READ, prot!=[0,8])
syscall:mprotect(prot=PROT_NONE)
default
syscall:mprotect(prot=5)
default

# The flags beside a socket's type are not part of it.
{syscalls: [{deny: {socket: {type: SOCK_RAW}}}]}
syscall:socket(arg1=0x80803)
deny EPERM socket(type=SOCK_RAW)
syscall:socket(arg1=0x80801)
default

# A deny wins over an allow, except where the allow is about less.
{syscalls: [{deny: socket}, {allow: {socket: {family: AF_UNIX}}}]}
syscall:socket(family=AF_UNIX)
allow socket(family=AF_UNIX)
syscall:socket(family=AF_INET)
deny EPERM socket

{syscalls: [{deny: {socket: {family: [AF_INET, AF_NETLINK]}}}, {allow: {socket: {family: AF_NETLINK, protocol: NETLINK_ROUTE}}}]}
syscall:socket(family=AF_NETLINK, protocol=NETLINK_ROUTE)
allow socket(family=AF_NETLINK, protocol=NETLINK_ROUTE)
syscall:socket(family=AF_NETLINK, protocol=NETLINK_AUDIT)
deny EPERM socket(family=[AF_INET,AF_NETLINK])
syscall:socket(family=AF_INET)
deny EPERM socket(family=[AF_INET,AF_NETLINK])

{syscalls: [{allow: {socket: {family: AF_NETLINK}}}, {deny: {socket: {protocol: NETLINK_AUDIT}}}]}
syscall:socket(family=AF_NETLINK, protocol=NETLINK_AUDIT)
deny EPERM socket(protocol=NETLINK_AUDIT)
syscall:socket(family=AF_NETLINK)
allow socket(family=AF_NETLINK)

{syscalls: [{allow: {kill: {sig: SIGTERM}}}, {deny: {kill: {sig: SIGTERM}}}]}
syscall:kill(sig=SIGTERM)
deny EPERM kill(sig=SIGTERM)

{syscalls: [{deny: {read: {count: {ge: 10, le: 20}}}}, {allow: {read: {count: {gt: 10, lt: 20}}}}, {kill: {read: {count: 15}}}]}
syscall:read(count=10)
deny EPERM read(count>=10, count<=20)
syscall:read(count=11)
allow read(count>10, count<20)
syscall:read(count=15)
kill read(count=15)

{syscalls: [{kill: {clone: {flags: {has: CLONE_NEWUSER}}}}, {deny: {clone: {flags: {has: CLONE_NEWUSER|CLONE_NEWNET}}}, errno: EINVAL}]}
syscall:clone(flags=CLONE_NEWUSER)
kill clone(flags&CLONE_NEWUSER)
syscall:clone(flags=CLONE_NEWUSER|CLONE_NEWNET)
deny EINVAL clone(flags&CLONE_NEWUSER|CLONE_NEWNET)

{syscalls: [{deny: "@network"}, {allow: socket}, {deny: {socket: {family: {ne: AF_UNIX}}}}]}
syscall:socket(family=AF_UNIX)
allow socket
syscall:socket(family=AF_INET)
deny EPERM socket(family!=AF_UNIX)
syscall:connect
deny EPERM @network

# What every policy refuses, and what opens it.
{files: [{read: /}]}
syscall:bpf
deny EPERM default
syscall:keyctl
deny ENOSYS default
syscall:ioctl(request=TIOCSTI)
deny EPERM default
syscall:ioctl(request=TIOCGWINSZ)
default
syscall:ioctl(request=BTRFS_IOC_SNAP_CREATE)
deny ENOTTY default
syscall:ioctl(request=BTRFS_IOC_SNAP_CREATE_V2)
deny ENOTTY default
syscall:ioctl(request=BTRFS_IOC_SNAP_DESTROY)
deny ENOTTY default
syscall:ioctl(request=BTRFS_IOC_SNAP_DESTROY_V2)
deny ENOTTY default
syscall:ioctl(request=BTRFS_IOC_SUBVOL_CREATE)
deny ENOTTY default
syscall:ioctl(request=BTRFS_IOC_SUBVOL_CREATE_V2)
deny ENOTTY default
syscall:ioctl(request=BCH_IOCTL_SUBVOLUME_CREATE)
deny ENOTTY default
syscall:ioctl(request=BCH_IOCTL_SUBVOLUME_DESTROY)
deny ENOTTY default
syscall:ioctl(request=OCFS2_IOC_REFLINK)
deny ENOTTY default
syscall:ptrace
default

{syscalls: [{allow: [bpf, {keyctl: {option: KEYCTL_READ}}, "@module"]}, {deny: reboot, errno: EINVAL}]}
syscall:bpf(cmd=5)
allow bpf
syscall:keyctl(option=KEYCTL_READ)
allow keyctl(option=KEYCTL_READ)
syscall:keyctl(option=KEYCTL_CLEAR)
deny ENOSYS default
syscall:init_module
allow @module
syscall:reboot
deny EINVAL reboot

# A refusal of certain arguments is opened by who speaks of them.
{syscalls: [{allow: ioctl}]}
syscall:ioctl(request=TIOCSTI)
deny EPERM default

{syscalls: [{allow: {ioctl: {request: TIOCSTI}}}]}
syscall:ioctl(request=TIOCSTI)
allow ioctl(request=TIOCSTI)
syscall:ioctl(request=TIOCLINUX)
deny EPERM default
