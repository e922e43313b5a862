"""Becomes another program that dies with the process that started it.

Run as a script, `parent_death.py PARENT DEATH_SIGNAL ACCOUNT PROGRAM ARGUMENT…`, on the standard library alone: it asks the kernel
for DEATH_SIGNAL at the parent's death, gives up root for ACCOUNT (`-` keeps it), and executes PROGRAM under its own pid.
Doing this in a program of its own, rather than between fork and exec, keeps it safe in a parent with threads.
"""

import ctypes
import os
import pwd
import sys

SET_PARENT_DEATH_SIGNAL = 1
SET_SECURE_BITS = 28
CAPABILITIES_COUNT_IN_ACCESS = (
    1 << 2  # SECBIT_NO_SETUID_FIXUP: else access(2), which initdb asks, answers as if there were none
)
AMBIENT = 47
AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
PASS_FOLDERS = (
    1  # CAP_DAC_OVERRIDE: the one of the two capabilities for this that containers are given by default
)

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _checked(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _prctl(*arguments: int) -> None:
    _checked(
        _libc.prctl(*(ctypes.c_ulong(argument) for argument in arguments), *[ctypes.c_ulong(0)] * 3), "prctl"
    )


def become(account: str) -> None:
    """Leave root for `account`, keeping only the right to pass through folders that are closed to it.

    A program and its data may lie below a folder of root's own (a clone in /root or in a private temporary folder);
    the alternative would be to open those folders to everybody.
    """
    entry = pwd.getpwnam(account)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    _prctl(SET_SECURE_BITS, CAPABILITIES_COUNT_IN_ACCESS)
    os.setuid(entry.pw_uid)
    bits = 1 << PASS_FOLDERS
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
    _checked(_libc.capset(ctypes.byref(header), sets), "capset")
    _prctl(AMBIENT, AMBIENT_RAISE, PASS_FOLDERS)


def main(parent: str, death_signal: str, account: str, *program: str) -> None:
    if account != "-":
        become(account)
    _prctl(SET_PARENT_DEATH_SIGNAL, int(death_signal))  # after the change of account, which would clear it
    if os.getppid() != int(parent):
        sys.exit("the process that started this program has gone")
    os.execv(program[0], program)  # noqa: S606 - the caller's own list of arguments, no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
