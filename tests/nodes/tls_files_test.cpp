#include "link_fixture.hpp"
#include "tls_context.hpp"

#include <troupe/service/tls_files.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace troupe::nodes {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TlsFiles : public ::testing::Test {
protected:
  /// What the transport says about the files; empty when it takes them.
  static std::string complaint(const tls_files& files) {
    try {
      static_cast<void>(make_transport({.tls = files}));
      return {};
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  cluster_files cluster;
  tls_files files = cluster.node("node");
};

TEST_F(TlsFiles, AreTakenWhenTheyBelongTogether) {
  EXPECT_EQ(complaint(files), "");
}

TEST_F(TlsFiles, MustAllBeGiven) {
  files.key.clear();

  EXPECT_THAT(complaint(files), HasSubstr("one of them is not given"));
}

TEST_F(TlsFiles, MustBeThere) {
  files.key = "/nowhere/key.pem";

  EXPECT_EQ(complaint(files), "cannot read `/nowhere/key.pem`: No such file or directory");
}

TEST_F(TlsFiles, MustBePem) {
  std::ofstream(files.certificate) << "no certificate\n";

  EXPECT_THAT(complaint(files), HasSubstr("`" + files.certificate + "` holds no certificate"));
}

TEST_F(TlsFiles, MustHaveTheKeyOfTheCertificate) {
  files.key = cluster.node("other").key;

  EXPECT_EQ(complaint(files), "cannot use `" + files.key
                                  + "`: it is not the key of the certificate"
                                    " in `"
                                  + files.certificate + "`");
}

TEST_F(TlsFiles, MustBeSignedByTheAuthority) {
  const cluster_files foreign;
  files.ca = foreign.folder().file("ca.pem");

  EXPECT_THAT(complaint(files), HasSubstr("it is not signed by the authority in `" + files.ca));
}

TEST_F(TlsFiles, MustNotBeExpired) {
  files = cluster.node_valid("expired", -48h, -24h);

  EXPECT_EQ(complaint(files), "cannot use `" + files.certificate + "`: certificate has expired");
}

TEST_F(TlsFiles, MustBeValidAlready) {
  files = cluster.node_valid("early", 24h, 48h);

  EXPECT_EQ(complaint(files),
            "cannot use `" + files.certificate + "`: certificate is not yet valid");
}

TEST_F(TlsFiles, GiveAWarningWhenOthersCanReadTheKey) {
  EXPECT_EQ(warning_about(files), "");

  ::chmod(files.key.c_str(), 0644);

  EXPECT_THAT(warning_about(files), HasSubstr(files.key));
}

TEST_F(TlsFiles, TakeAKeyThatAnotherUserHasGivenToTheGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ::chmod(files.key.c_str(), 0640);
  EXPECT_THAT(warning_about(files), HasSubstr(files.key));

  ASSERT_EQ(::chown(files.key.c_str(), 1, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(warning_about(files), "");
  ::chmod(files.key.c_str(), 0644);
  EXPECT_THAT(warning_about(files), HasSubstr(files.key));
}

} // namespace
} // namespace troupe::nodes
