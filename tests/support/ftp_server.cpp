#include "tests/support/ftp_server.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/child_process.h"
#include "tests/support/sshd.h"

namespace oracxfs::test {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The packages of these servers exclude one another, so they are unpacked rather than installed (scripts/packages.sh).
std::vector<std::string> server_roots() {
    std::vector<std::string> roots;
    if (const char* set = std::getenv("ORACXFS_FTP_SERVERS"); set != nullptr && *set != 0) roots.emplace_back(set);
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    // build/<preset>/bin/program
    if (!ignored) roots.push_back((program.parent_path().parent_path().parent_path() / "ftp-servers").string());
    roots.emplace_back("");
    return roots;
}

std::string find(const std::string& path) {
    for (const std::string& root : server_roots())
        if (::access((root + path).c_str(), R_OK) == 0) return root + path;
    return {};
}

bool needs(const std::string& path, const char* package) {
    if (!find(path).empty()) return true;
    std::fprintf(stderr, "skipped: %s is missing (Debian: %s; scripts/packages.sh unpacks it)\n", path.c_str(), package);
    return false;
}

const passwd* nobody() { return ::getpwnam("nobody"); }

}  // namespace

bool FtpServer::available(FtpKind kind) {
    if (!needs("/usr/bin/openssl", "openssl")) return false;
    switch (kind) {
        case FtpKind::proftpd:
            return needs("/usr/sbin/proftpd", "proftpd-core") && needs("/usr/lib/proftpd/mod_tls.so", "proftpd-mod-crypto");
        case FtpKind::vsftpd: return needs("/usr/sbin/vsftpd", "vsftpd");
        case FtpKind::pure_ftpd:
            if (!needs("/usr/sbin/pure-ftpd", "pure-ftpd") || !needs("/usr/bin/pure-pw", "pure-ftpd-common")) return false;
            if (::getuid() == 0 && nobody() != nullptr) return true;
            std::fprintf(stderr, "skipped: pure-ftpd runs as root only\n");
            return false;
    }
    return false;
}

std::unique_ptr<FtpServer> FtpServer::start(const FtpServerOptions& options) {
    std::unique_ptr<FtpServer> server(new FtpServer());
    if (!available(options.kind)) return nullptr;
    if (server->launch(options)) return server;
    std::fprintf(stderr, "skipped: the FTP server does not start here: %s\n", server->log().c_str());
    return nullptr;
}

std::string FtpServer::user() const { return kind_ == FtpKind::vsftpd ? "anonymous" : "backup"; }

std::string FtpServer::log() const { return read_file(dir_ / "log"); }

void FtpServer::hand_over(const std::string& path) const {
    if (kind_ == FtpKind::pure_ftpd && ::chown(path.c_str(), nobody()->pw_uid, nobody()->pw_gid) != 0) std::perror("chown");
}

bool FtpServer::make_certificate(bool wrong_host) {
    const std::string names = wrong_host ? "subjectAltName=DNS:elsewhere.example" : "subjectAltName=DNS:localhost,IP:127.0.0.1";
    if (!run_process({find("/usr/bin/openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test", "-addext", names, "-keyout", dir_ / "key.pem", "-out", dir_ / "cert.pem"},
                     dir_ / "log"))
        return false;
    std::ofstream(dir_ / "both.pem") << read_file(dir_ / "key.pem") << read_file(dir_ / "cert.pem");
    return true;
}

std::string FtpServer::password_hash() {
    std::ofstream(dir_ / "word") << password() << "\n";
    if (!run_process({find("/usr/bin/openssl"), "passwd", "-6", "-in", dir_ / "word"}, dir_ / "hash")) return {};
    std::string hash = read_file(dir_ / "hash");
    hash.erase(hash.find_last_not_of('\n') + 1);
    return hash;
}

std::vector<std::string> FtpServer::prepare_proftpd(const FtpServerOptions& options) {
    const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
    const passwd* me = ::getpwuid(::getuid());
    const group* mine = ::getgrgid(::getgid());
    if (me == nullptr || mine == nullptr) return {};
    const std::string hash = password_hash();
    if (hash.empty()) return {};
    std::ofstream(dir_ / "passwd") << user() << ":" << hash << ":" << uid << ":" << gid << "::" << folder_ << ":/bin/false\n";
    ::chmod((dir_ / "passwd").c_str(), 0600);
    std::string modules = find("/usr/lib/proftpd/mod_tls.so");
    modules.resize(modules.rfind('/'));
    std::ofstream conf(dir_ / "conf");
    conf << "ServerType standalone\nServerName test\nDefaultAddress 127.0.0.1\nSocketBindTight on\nPort " << port_ << "\nModulePath " << modules
         << "\nLoadModule mod_tls.c\nLoadModule mod_digest.c\nUser " << me->pw_name << "\nGroup " << mine->gr_name << "\nPidFile " << dir_ / "pid"
         << "\nScoreboardFile " << dir_ / "score" << "\nDelayTable none\nSystemLog " << dir_ / "log" << "\nTransferLog none\nWtmpLog off\n"
         << "UseReverseDNS off\nUseIPv6 off\nAuthOrder mod_auth_file.c\nAuthUserFile " << dir_ / "passwd" << "\nRequireValidShell off\nRootLogin on\nUmask 022\n"
         << "AllowOverwrite on\nAllowStoreRestart on\nTLSEngine on\nTLSRequired on\nTLSProtocol TLSv1.2 TLSv1.3\nTLSECCertificateFile " << dir_ / "cert.pem"
         << "\nTLSECCertificateKeyFile " << dir_ / "key.pem" << "\nTLSVerifyClient off\nTLSLog " << dir_ / "tls.log"
         << "\nDigestEngine on\nDigestAlgorithms all\nDigestMaxSize 10 Gb\nDigestCache off\n";
    if (::getuid() == 0) conf << "DefaultRoot " << folder_ << "\n";  // only root may lock an account into its folder
    if (options.implicit_tls) conf << "TLSOptions UseImplicitSSL\n";
    for (const std::string& line : options.extra_lines) conf << line << "\n";
    return {find("/usr/sbin/proftpd"), "-n", "-q", "-c", dir_ / "conf"};
}

// Anonymous logins with a list of passwords need neither PAM nor root.
std::vector<std::string> FtpServer::prepare_vsftpd(const FtpServerOptions& options) {
    const passwd* me = ::getpwuid(::getuid());
    if (me == nullptr) return {};
    std::ofstream(dir_ / "words") << password() << "\n";
    ::mkdir((dir_ / "empty").c_str(), 0755);
    std::ofstream conf(dir_ / "conf");
    conf << "listen=YES\nlisten_address=127.0.0.1\nlisten_port=" << port_ << "\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\n"
         << "anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\nanon_world_readable_only=NO\nanon_umask=022\nanon_root=" << folder_
         << "\nsecure_email_list_enable=YES\nemail_password_file=" << dir_ / "words" << "\nftp_username=" << me->pw_name
         << "\nrun_as_launching_user=YES\nsecure_chroot_dir=" << dir_ / "empty" << "\nssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\n"
         << "force_anon_data_ssl=YES\nrsa_cert_file=" << dir_ / "cert.pem" << "\nrsa_private_key_file=" << dir_ / "key.pem"
         << "\nrequire_ssl_reuse=YES\nssl_ciphers=HIGH\nseccomp_sandbox=NO\nutf8_filesystem=YES\nmdtm_write=YES\ndelay_failed_login=0\nvsftpd_log_file=" << dir_ / "log"
         << "\nlog_ftp_protocol=YES\nxferlog_enable=YES\n";
    if (options.implicit_tls) conf << "implicit_ssl=YES\n";
    for (const std::string& line : options.extra_lines) conf << line << "\n";
    return {find("/usr/sbin/vsftpd"), dir_ / "conf"};
}

std::vector<std::string> FtpServer::prepare_pure_ftpd(const FtpServerOptions& options) {
    // Not by `pure-pw useradd`: its hashes take a second for each login.
    const std::string hash = password_hash();
    std::ofstream(dir_ / "passwd") << user() << ":" << hash << ":" << nobody()->pw_uid << ":" << nobody()->pw_gid << "::" << folder_
                                   << "/./::::::::::::\n";
    if (hash.empty() || !run_process({find("/usr/bin/pure-pw"), "mkdb", dir_ / "pdb", "-f", dir_ / "passwd"}, dir_ / "log")) return {};
    std::vector<std::string> words{find("/usr/sbin/pure-ftpd"), "-S", "127.0.0.1," + std::to_string(port_), "-l", "puredb:" + (dir_ / "pdb"), "-Y", "3", "-2",
                                   dir_ / "both.pem", "-A", "-E", "-P", "127.0.0.1", "-g", dir_ / "pid", "-c", "50", "-C", "20", "-I", "15", "-H", "-j"};
    words.insert(words.end(), options.extra_lines.begin(), options.extra_lines.end());
    return words;
}

bool FtpServer::launch(const FtpServerOptions& options) {
    kind_ = options.kind;
    ::chmod(dir_.path().c_str(), 0711);
    folder_ = options.folder.empty() ? dir_ / "data" : options.folder;
    ::mkdir(folder_.c_str(), 0755);
    hand_over(folder_);
    if (!make_certificate(options.wrong_host)) return false;
    for (int attempt = 0; attempt < 5; ++attempt) {
        port_ = options.port != 0 ? options.port : free_port(held_port_);
        std::vector<std::string> words;
        switch (kind_) {
            case FtpKind::proftpd: words = prepare_proftpd(options); break;
            case FtpKind::vsftpd: words = prepare_vsftpd(options); break;
            case FtpKind::pure_ftpd: words = prepare_pure_ftpd(options); break;
        }
        if (words.empty()) return false;
        pid_ = spawn_process(words, dir_ / "log");
        if (pid_ <= 0) return false;
        for (int i = 0; i < 1'000; ++i) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                pid_ = 0;
                break;  // somebody else took the port
            }
            if (is_listening(port_)) return true;
            ::usleep(10'000);
        }
        stop();
    }
    return false;
}

FtpServer::~FtpServer() { end_process(pid_); }

void FtpServer::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void FtpServer::kill_connections() const {
    if (pid_ <= 0) return;
    for (const pid_t child : processes_below(pid_)) ::kill(child, SIGKILL);
}

void FtpServer::signal_all(int number) const {
    if (pid_ <= 0) return;
    for (const pid_t child : processes_below(pid_)) ::kill(child, number);
    ::kill(pid_, number);
}

void FtpServer::freeze() const { signal_all(SIGSTOP); }
void FtpServer::thaw() const { signal_all(SIGCONT); }

}  // namespace oracxfs::test
