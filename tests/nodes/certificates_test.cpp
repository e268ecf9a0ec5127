#include "link_fixture.hpp"

#include <troupe/nodes/certificates.hpp>

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <stdexcept>

namespace troupe {
namespace {

using namespace nodes::testing;
using ::testing::HasSubstr;

class Certificates : public ::testing::Test {
protected:
  template <class Error, class Act>
  static std::string error_of(Act act) {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  static mode_t mode_of(const std::string& file) {
    struct stat about {};
    return ::stat(file.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
  }

  temporary_folder folder;
  certificate_paths ca = make_cluster_ca(folder.path());
};

TEST_F(Certificates, AreWrittenBesideTheirAuthority) {
  const auto made = make_node_certificate(folder.path(), "worker-1");

  EXPECT_EQ(ca.certificate, folder.file("ca.pem"));
  EXPECT_EQ(ca.key, folder.file("ca-key.pem"));
  EXPECT_EQ(made.certificate, folder.file("worker-1.pem"));
  EXPECT_EQ(made.key, folder.file("worker-1-key.pem"));
}

TEST_F(Certificates, LetOnlyTheOwnerReadTheirKeys) {
  const auto made = make_node_certificate(folder.path(), "worker-1");

  EXPECT_EQ(mode_of(ca.key), 0600U);
  EXPECT_EQ(mode_of(made.key), 0600U);
  EXPECT_EQ(mode_of(made.certificate), 0644U);
}

TEST_F(Certificates, LeaveNothingElseInTheFolder) {
  make_node_certificate(folder.path(), "worker-1");

  const auto files = std::filesystem::directory_iterator(folder.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 4);
}

TEST_F(Certificates, AreSignedByTheirAuthority) {
  const auto made = make_node_certificate(folder.path(), "worker-1");
  const auto authority = nodes::read_certificate(ca.certificate);
  const auto certificate = nodes::read_certificate(made.certificate);

  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(authority.get())), 1);
  EXPECT_EQ(X509_verify(authority.get(), X509_get0_pubkey(authority.get())), 1);
  EXPECT_EQ(X509_check_private_key(certificate.get(), nodes::read_key(made.key).get()), 1);
  EXPECT_EQ(nodes::common_name(*certificate), "worker-1");
}

TEST_F(Certificates, SayWhatTheyAreFor) {
  const auto authority = nodes::read_certificate(ca.certificate);
  const auto made = make_node_certificate(folder.path(), "worker-1");
  const auto certificate = nodes::read_certificate(made.certificate);

  EXPECT_EQ(X509_check_ca(authority.get()), 1);
  EXPECT_EQ(X509_get_pathlen(authority.get()), 0);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_get_extended_key_usage(certificate.get()),
            static_cast<std::uint32_t>(XKU_SSL_CLIENT | XKU_SSL_SERVER));
}

TEST_F(Certificates, NameTheHostsOfTheMachine) {
  const auto made = make_node_certificate(folder.path(), "worker-1",
                                          {.hosts = {"w1.example", "10.0.0.7", "::1"}});
  const auto certificate = nodes::read_certificate(made.certificate);
  auto* raw = certificate.get();

  EXPECT_EQ(X509_check_host(raw, "w1.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(raw, "w2.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(raw, "10.0.0.7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(raw, "::1", 0), 1);
}

TEST_F(Certificates, HaveSerialNumbersThatNobodyGuesses) {
  const auto serial_of = [&](const std::string& name) {
    const auto made = make_node_certificate(folder.path(), name);
    const auto certificate = nodes::read_certificate(made.certificate);
    const auto* serial = X509_get0_serialNumber(certificate.get());
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                       static_cast<std::size_t>(ASN1_STRING_length(serial)));
  };
  const auto first = serial_of("worker-1");

  EXPECT_GE(first.size(), 8U);
  EXPECT_NE(first, serial_of("worker-2"));
}

TEST_F(Certificates, AreValidForAsLongAsTheyAreToldTo) {
  const auto days_left = [](const std::string& file) {
    int days = 0;
    int seconds = 0;
    const auto certificate = nodes::read_certificate(file);
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get()));
    return days + (seconds > 43'200 ? 1 : 0);
  };

  EXPECT_EQ(days_left(ca.certificate), 3650);
  EXPECT_EQ(days_left(make_node_certificate(folder.path(), "a").certificate), 825);
  EXPECT_EQ(days_left(make_node_certificate(folder.path(), "b", {.days = 7}).certificate), 7);
}

TEST_F(Certificates, AreNotOverwrittenUnlessToldTo) {
  const auto made = make_node_certificate(folder.path(), "worker-1");
  const auto before = nodes::to_pem(*nodes::read_certificate(made.certificate));

  EXPECT_EQ(error_of<std::runtime_error>([&] { make_node_certificate(folder.path(), "worker-1"); }),
            "`" + made.certificate + "` is there already");
  EXPECT_EQ(error_of<std::runtime_error>([&] { make_cluster_ca(folder.path()); }),
            "`" + ca.certificate + "` is there already");
  EXPECT_EQ(nodes::to_pem(*nodes::read_certificate(made.certificate)), before);

  make_node_certificate(folder.path(), "worker-1", {.replace = true});

  EXPECT_NE(nodes::to_pem(*nodes::read_certificate(made.certificate)), before);
  EXPECT_EQ(mode_of(made.key), 0600U);
}

TEST_F(Certificates, NeedTheirAuthority) {
  const temporary_folder empty;

  EXPECT_EQ(error_of<std::runtime_error>([&] { make_node_certificate(empty.path(), "worker-1"); }),
            "cannot read `" + empty.file("ca.pem") + "`: No such file or directory");
}

TEST_F(Certificates, NameTheFolderThatCannotBeMade) {
  EXPECT_THAT(error_of<std::runtime_error>([] { make_cluster_ca("/proc/nowhere"); }),
              HasSubstr("/proc/nowhere"));
}

TEST_F(Certificates, RefuseNamesThatAreNoFileNames) {
  for (const auto* name : {"", "../up", "a/b", "ca", ".hidden", "two words", "-flag"}) {
    EXPECT_THAT(
        error_of<std::invalid_argument>([&] { make_node_certificate(folder.path(), name); }),
        HasSubstr("name: "))
        << name;
  }
}

TEST_F(Certificates, RefuseHostsThatWouldAddNames) {
  EXPECT_THAT(error_of<std::invalid_argument>([&] {
                make_node_certificate(folder.path(), "worker-1", {.hosts = {"a,DNS:b"}});
              }),
              HasSubstr("hosts: "));
}

TEST_F(Certificates, RefuseToExpireAtOnce) {
  EXPECT_THAT(error_of<std::invalid_argument>(
                  [&] { make_node_certificate(folder.path(), "worker-1", {.days = 0}); }),
              HasSubstr("days: "));
}

} // namespace
} // namespace troupe
