#include "tests/support/test_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

#include "base/free_with.h"

namespace oracxfs::test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, FreeWith<&X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeWith<&X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, FreeWith<&std::fclose>>;

constexpr long kDay = 24 * 60 * 60;

void check(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("test certificate: ") + what);
}

Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    check(key != nullptr, "key");
    return key;
}

void add(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

Cert begin(EVP_PKEY* key, const char* name, long serial, long from, long until) {
    Cert certificate(X509_new());
    check(certificate != nullptr, "certificate");
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
    X509_NAME* const subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
}

File open(const std::string& path) {
    File file(std::fopen(path.c_str(), "wb"));
    check(file != nullptr, path.c_str());
    return file;
}

}  // namespace

struct TestCa::Impl {
    Key key = make_key();
    Cert certificate;
};

TestCa::TestCa() : impl_(std::make_unique<Impl>()) {
    // Names of their own: with one name and two keys a check would fail in another way than that of a stranger.
    static std::atomic<int> count{0};
    const std::string name = "oracxfs test CA " + std::to_string(++count);
    impl_->certificate = begin(impl_->key.get(), name.c_str(), 1, -10 * kDay, 10 * kDay);
    X509* const ca = impl_->certificate.get();
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    add(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
    add(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    check(X509_sign(ca, impl_->key.get(), EVP_sha256()) > 0, "sign");
    check(PEM_write_X509(open(ca_file()).get(), ca) == 1, "write");
}

TestCa::~TestCa() = default;

TestCa::Files TestCa::make(Certificate kind) {
    const Key key = make_key();
    const long from = kind == Certificate::not_yet_valid ? kDay : -2 * kDay;
    const long until = kind == Certificate::expired ? -kDay : 5 * kDay;
    const Cert certificate = begin(key.get(), "oracxfs test server", 2 + made_, from, until);
    const bool own = kind == Certificate::self_signed;
    X509* const issuer = own ? certificate.get() : impl_->certificate.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
    add(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    add(certificate.get(), issuer, NID_ext_key_usage, "serverAuth");
    add(certificate.get(), issuer, NID_subject_alt_name,
        kind == Certificate::wrong_host ? "DNS:elsewhere.example" : "DNS:localhost,IP:127.0.0.1,IP:::1");
    check(X509_sign(certificate.get(), own ? key.get() : impl_->key.get(), EVP_sha256()) > 0, "sign");
    const std::string base = dir_ / ("server" + std::to_string(made_++));
    Files files{base + ".pem", base + ".key"};
    check(PEM_write_X509(open(files.certificate).get(), certificate.get()) == 1, "write");
    check(PEM_write_PrivateKey(open(files.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "write");
    return files;
}

}  // namespace oracxfs::test
