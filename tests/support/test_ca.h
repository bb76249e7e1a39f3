#pragma once
// Certificates for TLS servers of tests, made at run time by a certificate authority that lives as long as the object.

#include <memory>
#include <string>

#include "tests/support/temp_dir.h"

namespace oracxfs::test {

enum class Certificate { good, wrong_host, expired, not_yet_valid, self_signed };

// Names of a good certificate: DNS localhost, IP 127.0.0.1 and ::1. Not thread-safe while making certificates.
class TestCa {
  public:
    TestCa();
    ~TestCa();
    TestCa(const TestCa&) = delete;
    TestCa& operator=(const TestCa&) = delete;

    [[nodiscard]] std::string ca_file() const { return dir_ / "ca.pem"; }
    // PEM files of a new certificate and its key.
    struct Files {
        std::string certificate, key;
    };
    Files make(Certificate kind);

  private:
    struct Impl;
    TempDir dir_;
    std::unique_ptr<Impl> impl_;
    int made_ = 0;
};

}  // namespace oracxfs::test
