from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.evidence.collected_names import distinct_names
from brokenseal.evidence.server_paths import server_path

IIS = "inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"
ECP = "Logging/HttpProxy/Ecp/HttpProxy_2021030306-1.LOG"
IN_PROGRAM_FILES = f"Program Files/Microsoft/Exchange Server/V15/{ECP}"


@pytest.mark.parametrize(
    ("name", "windows_path", "machine"),
    [
        # A copied or mounted drive, with its letter written in every way or without it.
        (f"C/{IIS}", f"C:/{IIS}", ""),
        (f"C:/{IIS}", f"C:/{IIS}", ""),
        (f"d$/{IIS}", f"D:/{IIS}", ""),
        (IIS, IIS, ""),
        (IN_PROGRAM_FILES, IN_PROGRAM_FILES, ""),
        (f"C/[root]/{IIS}", f"C:/{IIS}", ""),
        (f"EX01/[root]/{IIS}", IIS, "EX01"),
        (f"case7/EX01/C/{IIS}", f"C:/{IIS}", "case7/EX01"),
        (f"EX01/C$/{IN_PROGRAM_FILES}", f"C:/{IN_PROGRAM_FILES}", "EX01"),
        ("EX01/c/Windows/System32/winevt/Logs/x.evtx", "C:/Windows/System32/winevt/Logs/x.evtx", "EX01"),
        ("EX01/PROGRAMDATA/x.log", "PROGRAMDATA/x.log", "EX01"),
        ("C:/x.log", "C:/x.log", ""),
        # Installed elsewhere.
        (f"D:/Exchange/V15/{ECP}", f"D:/Exchange/V15/{ECP}", ""),
        (f"EX01/D/Exchange/V15/{ECP}", f"D:/Exchange/V15/{ECP}", "EX01"),
        (f"EX01/Exchange/V15/{ECP}", f"Exchange/V15/{ECP}", "EX01"),
        (f"EX01/V15/{ECP}", f"V15/{ECP}", "EX01"),
        (f"EX01/{ECP}", ECP, "EX01"),
        (f"EXCHANGE01/V15/{ECP}", f"V15/{ECP}", "EXCHANGE01"),
        (
            "EX01/V15/TransportRoles/Logs/MessageTracking/MSGTRK1.LOG",
            "V15/TransportRoles/Logs/MessageTracking/MSGTRK1.LOG",
            "EX01",
        ),
        ("EX01/D/IISLogs/W3SVC2/u_ex1.log", "D:/IISLogs/W3SVC2/u_ex1.log", "EX01"),
        ("EX01/IISLogs/W3SVC2/u_ex1.log", "IISLogs/W3SVC2/u_ex1.log", "EX01"),
        # Velociraptor.
        (f"uploads/auto/C:/{IIS}", f"C:/{IIS}", ""),
        (f"EX01/uploads/ntfs/\\\\.\\C:/{IIS}", f"C:/{IIS}", "EX01"),
        (f"EX01/uploads/ntfs/%5C%5C.%5CC%3A/{IIS}", f"C:/{IIS}", "EX01"),
        (f"uploads/ntfs_vss/\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy2/{IIS}", IIS, ""),
        (f"EX01/auto/C/{IIS}", f"C:/{IIS}", "EX01/auto"),
        # Unknown: only the folder a file lies in is taken for one machine, folders named for logs aside.
        ("u_ex1.log", "u_ex1.log", ""),
        ("EX01/u_ex1.log", "EX01/u_ex1.log", "EX01"),
        ("EX01/iis/u_ex1.log", "EX01/iis/u_ex1.log", "EX01"),
        ("EX01/HttpProxy/Ecp/x.log", "EX01/HttpProxy/Ecp/x.log", "EX01"),
        ("EX01/ECP/Server/x.log", "EX01/ECP/Server/x.log", "EX01"),
        ("logs/EX01/u_ex1.log", "logs/EX01/u_ex1.log", "logs/EX01"),
        ("Server/u_ex1.log", "Server/u_ex1.log", "Server"),
        ("a/inetpub/x.log", "inetpub/x.log", "a"),
    ],
)
def test_layouts_of_folders(name: str, windows_path: str, machine: str) -> None:
    assert server_path((name,)) == (windows_path, machine)


@pytest.mark.parametrize(
    ("segments", "windows_path", "machine"),
    [
        (("EX01.zip", f"C/{IIS}"), f"C:/{IIS}", "EX01.zip!"),
        (("case/EX01.zip", f"uploads/auto/C:/{IIS}"), f"C:/{IIS}", "case/EX01.zip!"),
        (("EX01.zip", "u_ex1.log"), "EX01.zip!/u_ex1.log", "EX01.zip!"),
        (("EX01.zip", "HttpProxy/Ecp/x.log"), "EX01.zip!/HttpProxy/Ecp/x.log", "EX01.zip!"),
        (("iis/EX01.zip", "u_ex1.log"), "iis/EX01.zip!/u_ex1.log", "iis/EX01.zip!"),
        (("all.zip", "EX01.zip", IIS), IIS, "all.zip!/EX01.zip!"),
        (("all.zip", f"EX01/C/{IIS}"), f"C:/{IIS}", "all.zip!/EX01"),
        # An administrator's zip of old logs on the server's own disk belongs to that server.
        (("EX01/C/inetpub/logs/old.zip", "u_ex1.log"), "C:/inetpub/logs/old.zip!/u_ex1.log", "EX01"),
        (
            ("EX01/C/inetpub/logs/old.zip", "LogFiles/W3SVC1/u_ex1.log"),
            "C:/inetpub/logs/old.zip!/LogFiles/W3SVC1/u_ex1.log",
            "EX01",
        ),
        # A whole disk inside an archive is another collection, wherever the archive lies.
        (("C/Users/admin/EX02.zip", f"D/{IIS}"), f"D:/{IIS}", "C/Users/admin/EX02.zip!"),
    ],
)
def test_layouts_in_archives(segments: tuple[str, ...], windows_path: str, machine: str) -> None:
    assert server_path(segments) == (windows_path, machine)


FOLDERS = st.sampled_from(
    ("C", "C:", "D$", "c%3A", "%5C%5C.%5CC%3A", "uploads", "auto", "ntfs", "inetpub", "Windows", "V15", "Logging")
) | st.sampled_from(
    ("HttpProxy", "Ecp", "Server", "W3SVC1", "EX01", "EX02", "iis", "a.zip", "[root]", "VSS1", "%2e%2e", "100%25")
)
PATHS = st.lists(FOLDERS | st.text(min_size=1, max_size=8), min_size=1, max_size=6).map("/".join)


@given(st.lists(PATHS, min_size=1, max_size=3))
def test_machine_is_a_beginning_of_the_name_ending_at_a_folder(segments: list[str]) -> None:
    (name,) = distinct_names([segments])
    windows_path, machine = server_path(name)
    joined = "!/".join(name)
    assert joined.startswith(machine)
    assert not machine.endswith("/")
    assert windows_path.rpartition("/")[2] == joined.rpartition("/")[2]


@given(PATHS, PATHS)
def test_files_of_two_archives_never_share_a_machine(first: str, second: str) -> None:
    machines = {server_path((f"{archive}.zip", path)).machine for archive, path in (("EX01", first), ("EX02", second))}
    assert len(machines) == 2
