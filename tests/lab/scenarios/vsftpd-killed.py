"""The FTP server vsftpd is killed with -9; its unit does not restart."""

QUICK = True
RULE = "ftp.*"
SERVICES = ["vsftpd"]
STEPS = ["systemctl start vsftpd.service"]
MONIT = """\
check process vsftpd matching "/usr/sbin/vsftpd"
    start program = "/bin/systemctl start vsftpd"
    stop program = "/bin/systemctl stop vsftpd"
    if failed host 127.0.0.1 port 21 protocol ftp then restart
"""


def healthy(lab):
    return "220 " in lab.sh("sleep 0.3 | timeout 2 nc -w 1 127.0.0.1 21", check=False)


def fault(lab):
    return lab.kill("vsftpd")
