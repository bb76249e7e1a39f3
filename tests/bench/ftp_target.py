"""FTP servers at the far end, configured as for the tests (see tests/support/ftp_server.cpp)."""

import os
import pwd
import subprocess

from lab import Skip, free_port
from targets import wait_for_port

PASSWORD = "benchmark"


class Ftp:
    """`kind`: proftpd, vsftpd or pure-ftpd, unpacked by scripts/packages.sh or installed."""

    def __init__(self, lab, kind):
        self.lab, self.kind, self.base = lab, kind, lab.place()
        self.root = os.path.join(os.path.dirname(lab.bin), "..", "ftp-servers")
        self.program = self.find("/usr/sbin/" + kind)
        self.name, self.user = "ftp", "anonymous" if kind == "vsftpd" else "backup"
        os.chmod(lab.base, 0o711)
        os.chmod(self.base, 0o711)
        self.folder = self.base + "/data"
        os.makedirs(self.folder)
        self.port = free_port()
        self.certificate = self.base + "/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.base + "/key.pem", "-out", self.certificate],
                       check=True, stderr=subprocess.DEVNULL)
        words = {"proftpd": self.proftpd, "vsftpd": self.vsftpd, "pure-ftpd": self.pure_ftpd}[kind]()
        with open(self.base + "/log", "a") as log:
            self.process = lab.start_far(words, stdout=log, stderr=log)
        wait_for_port(lab, self.port, self.process)
        self.password_file = self.base + "/password"
        with open(self.password_file, "w") as file:
            file.write(PASSWORD + "\n")
        os.chmod(self.password_file, 0o600)

    def find(self, path):
        for root in (self.root, ""):
            if os.access(root + path, os.R_OK):
                return root + path
        raise Skip("%s is missing (scripts/packages.sh unpacks it)" % path)

    def write(self, name, text):
        with open("%s/%s" % (self.base, name), "w") as file:
            file.write(text)
        os.chmod("%s/%s" % (self.base, name), 0o600)

    def hash(self):
        return subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def proftpd(self):
        me = pwd.getpwuid(os.getuid())
        self.write("passwd", "backup:%s:%d:%d::%s:/bin/false\n" % (self.hash(), me.pw_uid, me.pw_gid, self.folder))
        modules = os.path.dirname(self.find("/usr/lib/proftpd/mod_tls.so"))
        lines = ["ServerType standalone", "ServerName bench", "DefaultAddress 127.0.0.1", "SocketBindTight on", "Port %d" % self.port,
                 "ModulePath " + modules, "LoadModule mod_tls.c", "LoadModule mod_digest.c", "User " + me.pw_name, "Group root",
                 "PidFile %s/pid" % self.base, "ScoreboardFile %s/score" % self.base, "DelayTable none", "SystemLog %s/log" % self.base,
                 "TransferLog none", "WtmpLog off", "UseReverseDNS off", "UseIPv6 off", "AuthOrder mod_auth_file.c",
                 "AuthUserFile %s/passwd" % self.base, "RequireValidShell off", "RootLogin on", "AllowOverwrite on", "AllowStoreRestart on",
                 "DefaultRoot " + self.folder, "TLSEngine on", "TLSRequired on", "TLSProtocol TLSv1.2 TLSv1.3",
                 "TLSECCertificateFile " + self.certificate, "TLSECCertificateKeyFile %s/key.pem" % self.base, "TLSVerifyClient off",
                 "DigestEngine on", "DigestAlgorithms all", "DigestMaxSize 10 Gb", "DigestCache off", ""]
        self.write("conf", "\n".join(lines))
        return [self.program, "-n", "-q", "-c", self.base + "/conf"]

    def vsftpd(self):
        self.write("words", PASSWORD + "\n")
        os.makedirs(self.base + "/empty")
        yes = ["listen", "anonymous_enable", "write_enable", "anon_upload_enable", "anon_mkdir_write_enable", "anon_other_write_enable",
               "secure_email_list_enable", "run_as_launching_user", "ssl_enable", "allow_anon_ssl", "force_anon_logins_ssl", "force_anon_data_ssl",
               "require_ssl_reuse", "utf8_filesystem", "mdtm_write"]
        no = ["background", "local_enable", "anon_world_readable_only", "seccomp_sandbox"]
        lines = [key + "=YES" for key in yes] + [key + "=NO" for key in no] + [
            "listen_address=127.0.0.1", "listen_port=%d" % self.port, "anon_umask=022", "anon_root=" + self.folder, "ssl_ciphers=HIGH",
            "email_password_file=%s/words" % self.base, "ftp_username=" + self.lab.user, "secure_chroot_dir=%s/empty" % self.base,
            "rsa_cert_file=" + self.certificate, "rsa_private_key_file=%s/key.pem" % self.base, "delay_failed_login=0",
            "vsftpd_log_file=%s/log" % self.base, ""]
        self.write("conf", "\n".join(lines))
        return [self.program, self.base + "/conf"]

    def pure_ftpd(self):
        nobody = pwd.getpwnam("nobody")
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.write("passwd", "backup:%s:%d:%d::%s/./::::::::::::\n" % (self.hash(), nobody.pw_uid, nobody.pw_gid, self.folder))
        subprocess.run([self.find("/usr/bin/pure-pw"), "mkdb", self.base + "/pdb", "-f", self.base + "/passwd"], check=True)
        with open(self.certificate) as certificate, open(self.base + "/key.pem") as key:
            self.write("both.pem", key.read() + certificate.read())
        return [self.program, "-S", "127.0.0.1,%d" % self.port, "-l", "puredb:%s/pdb" % self.base, "-Y", "3", "-2", self.base + "/both.pem",
                "-A", "-E", "-P", "127.0.0.1", "-g", self.base + "/pid", "-c", "50", "-C", "20", "-I", "15", "-H", "-j"]

    def words(self):
        return ["ftp", "--name", self.name, "--host", "127.0.0.1", "--port", str(self.port), "--user", self.user, "--folder", "data",
                "--password-file", self.password_file, "--ca-file", self.certificate]

    def curl(self, *words):
        """curl with this server's account and TLS on both connections; the password is read from a file."""
        self.write("curlrc", 'user = "%s:%s"\n' % (self.user, PASSWORD))
        return ["curl", "-sS", "--fail", "--ssl-reqd", "--cacert", self.certificate, "--config", self.base + "/curlrc", *words]

    def url(self, path):
        return "ftp://127.0.0.1:%d/%s" % (self.port, path)
