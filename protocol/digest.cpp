#include <troupe/protocol/digest.hpp>

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace troupe {

namespace {

struct context_deleter {
  void operator()(EVP_MD_CTX* held) const noexcept { EVP_MD_CTX_free(held); }
};

// Looking the algorithm up costs more than a short sum, so it happens once. It is never freed:
// threads may still need it while the process ends.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

} // namespace

digest sha256(std::span<const std::uint8_t> bytes) {
  thread_local const std::unique_ptr<EVP_MD_CTX, context_deleter> state(EVP_MD_CTX_new());
  digest sum{};
  unsigned int length = 0;
  const auto done = state && algorithm()
                    && EVP_DigestInit_ex2(state.get(), algorithm(), nullptr) == 1
                    && EVP_DigestUpdate(state.get(), bytes.data(), bytes.size()) == 1
                    && EVP_DigestFinal_ex(state.get(), sum.data(), &length) == 1;
  if (!done || length != sum.size()) throw std::runtime_error("OpenSSL offers no SHA-256");
  return sum;
}

std::string to_hex(const digest& sum) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * sum.size());
  for (const auto byte : sum) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<digest> digest_from_hex(std::string_view text) {
  digest sum{};
  if (text.size() != 2 * sum.size()) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); ++at) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto nibble = digits.find(text[at]);
    if (nibble == std::string_view::npos) return std::nullopt;
    auto& byte = sum[at / 2];
    byte = static_cast<std::uint8_t>(std::size_t{byte} << 4 | nibble);
  }
  return sum;
}

} // namespace troupe
