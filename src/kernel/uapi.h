/* Constants of the kernel's interface that are newer than the headers of the systems reeve is built on. */
#pragma once

#include <stdint.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
