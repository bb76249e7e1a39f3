#include "providers/ftp/ftp_certificate.h"

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "base/free_with.h"
#include "providers/wait.h"

namespace oracxfs::ftp {
namespace {

using CertificateHandle = std::unique_ptr<X509, FreeWith<&X509_free>>;
using BioHandle = std::unique_ptr<BIO, FreeWith<&BIO_free_all>>;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string name_of(const X509_NAME* name) {
    const BioHandle out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
    return text_of(out.get());
}

std::string time_of(const ASN1_TIME* time) {
    const BioHandle out(BIO_new(BIO_s_mem()));
    if (!out || ASN1_TIME_print(out.get(), time) != 1) return {};
    return text_of(out.get());
}

std::string fingerprint_of(const X509* certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string text = "SHA256";
    for (unsigned int i = 0; i < size; ++i) {
        text += ':';
        text += kHex[digest[i] >> 4];
        text += kHex[digest[i] & 15];
    }
    return text;
}

Result<ServerCertificate> describe(const std::string& pem, const std::string& host) {
    const BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const CertificateHandle certificate(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!certificate) return fail(Errc::unavailable, "read the server's certificate", "it is none");
    ServerCertificate shown;
    shown.pem = pem;
    shown.fingerprint = fingerprint_of(certificate.get());
    shown.subject = name_of(X509_get_subject_name(certificate.get()));
    shown.issuer = name_of(X509_get_issuer_name(certificate.get()));
    shown.valid_until = time_of(X509_get0_notAfter(certificate.get()));
    shown.self_signed = shown.subject == shown.issuer;
    shown.in_time = X509_cmp_current_time(X509_get0_notBefore(certificate.get())) < 0 &&
                    X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
    shown.names_host = X509_check_host(certificate.get(), host.data(), host.size(), 0, nullptr) == 1 ||
                       X509_check_ip_asc(certificate.get(), host.c_str(), 0) == 1;
    return shown;
}

// Ends the conversation with the first answer that comes over TLS: before that only the greeting and AUTH TLS were said, and
// after it a name that everybody knows.
std::size_t on_reply(char* data, std::size_t size, std::size_t count, void* implicit) {
    const std::string_view line(data, size * count);
    if (*static_cast<bool*>(implicit)) return 0;
    const auto digit = [&](std::size_t i) { return i < line.size() && line[i] >= '0' && line[i] <= '9'; };
    const bool has_code = digit(0) && digit(1) && digit(2);  // others are lines inside a longer reply
    return !has_code || line.starts_with("220") || line.starts_with("234") ? line.size() : 0;
}

struct Wait {
    const OpContext& ctx;
    Clock& clock;
};

int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const Wait& wait = *static_cast<Wait*>(self);
    return still_wanted(wait.ctx, wait.clock) ? 0 : 1;
}

}  // namespace

Result<ServerCertificate> look_at_certificate(const OpContext& ctx, Clock& clock, const std::string& host, std::uint16_t port,
                                              bool implicit, Millis timeout) {
    const std::string what = "look at the certificate of " + host;
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    const std::unique_ptr<CURL, FreeWith<&curl_easy_cleanup>> easy(ready ? curl_easy_init() : nullptr);
    if (!easy) return fail(Errc::internal, what, "libcurl can't be used");
    const std::string in_url = host.find(':') != std::string::npos ? "[" + host + "]" : host;
    const std::string url = std::string(implicit ? "ftps://" : "ftp://") + in_url + ":" + std::to_string(port) + "/";
    Wait wait{ctx, clock};
    bool good = true;
    const auto set = [&](CURLoption option, auto value) { good &= curl_easy_setopt(easy.get(), option, value) == CURLE_OK; };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "ftp,ftps");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_USERNAME, "anonymous");
    set(CURLOPT_PASSWORD, "");
    set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    set(CURLOPT_FTPSSLAUTH, static_cast<long>(CURLFTPAUTH_TLS));
    // Only to show it: whether to trust it is the question that is going to be asked.
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_CERTINFO, 1L);
    set(CURLOPT_NOBODY, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    set(CURLOPT_HEADERFUNCTION, &on_reply);
    set(CURLOPT_HEADERDATA, &implicit);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, &wait);
    set(CURLOPT_NOPROGRESS, 0L);
    if (!good) return fail(Errc::internal, what, "libcurl lacks an option that is needed");
    const CURLcode code = curl_easy_perform(easy.get());
    ORACX_TRYV(still_wanted(ctx, clock));
    curl_certinfo* chain = nullptr;
    if (curl_easy_getinfo(easy.get(), CURLINFO_CERTINFO, &chain) == CURLE_OK && chain != nullptr && chain->num_of_certs > 0)
        for (const curl_slist* entry = chain->certinfo[0]; entry != nullptr; entry = entry->next)
            if (const std::string_view line(entry->data); line.starts_with("Cert:")) return describe(std::string(line.substr(5)), host);
    return fail(Error(Errc::unavailable, what, code == CURLE_OK ? "it shows none" : curl_easy_strerror(code)).with_native(static_cast<int>(code)));
}

}  // namespace oracxfs::ftp
