#include <troupe/protocol/digest.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace troupe {
namespace {

std::string sum_of(const std::string& text) {
  return to_hex(sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

TEST(Digest, MatchesTheExamplesOfTheStandard) {
  EXPECT_EQ(sum_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sum_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sum_of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, IsTheSameInEveryThread) {
  std::vector<std::string> sums(4);
  std::vector<std::thread> threads;
  for (auto& sum : sums) {
    threads.emplace_back([&sum] {
      for (int i = 0; i < 100; ++i) sum = sum_of("abc");
    });
  }
  for (auto& one : threads) one.join();

  for (const auto& sum : sums) EXPECT_EQ(sum, sum_of("abc"));
}

TEST(Digest, IsReadFromItsHexText) {
  const auto sum = sha256({});

  EXPECT_EQ(digest_from_hex(to_hex(sum)), sum);
  EXPECT_EQ(to_hex(digest_from_hex(std::string(64, 'f')).value()), std::string(64, 'f'));
}

TEST(Digest, IsReadFromNothingElse) {
  const auto text = to_hex(sha256({}));

  EXPECT_FALSE(digest_from_hex(""));
  EXPECT_FALSE(digest_from_hex(text.substr(1)));
  EXPECT_FALSE(digest_from_hex(text + "0"));
  EXPECT_FALSE(digest_from_hex("g" + text.substr(1)));
  EXPECT_FALSE(digest_from_hex("E" + text.substr(1))) << "one text for one digest";
  EXPECT_FALSE(digest_from_hex(std::string(64, '\0')));
}

} // namespace
} // namespace troupe
