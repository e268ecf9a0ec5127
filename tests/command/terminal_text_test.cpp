#include "painter.hpp"
#include "terminal_text.hpp"

#include <gmock/gmock.h>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using detail::columns_of;
using detail::compose;
using detail::cut_to;
using detail::one_line;
using detail::printable;
using detail::readable;
using detail::repaint;
using detail::tone;

TEST(TerminalText, DisarmsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mb\nc"), "a\xEF\xBF\xBD[31mb\nc");
  EXPECT_EQ(one_line("a\nb\tc\n"), "a b c");
  EXPECT_EQ(printable("\xC2\x9B"
                      "1m"),
            "\xEF\xBF\xBD"
            "1m")
      << "the one-character form of ESC [";
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "x"),
            "\xEF\xBF\xBDx")
      << "right to left from here";
  EXPECT_EQ(printable("\xFF\xC3"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(printable("\xC0\x9B"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "an overlong form";
  EXPECT_EQ(printable("grün ✓ 漢"), "grün ✓ 漢");
}

TEST(TerminalText, CountsColumnsNotBytes) {
  EXPECT_EQ(columns_of("grün"), 4U);
  EXPECT_EQ(columns_of("漢字"), 4U);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1U);
  EXPECT_EQ(cut_to("grün und blau", 6), "grün …");
  EXPECT_EQ(cut_to("漢字漢字", 4), "漢…");
  EXPECT_EQ(cut_to("kurz", 4), "kurz");
  EXPECT_EQ(cut_to("kurz", 0), "");
}

TEST(TerminalText, CutsALineInSeveralTones) {
  const detail::colored_line line{{"abc", tone::good}, {"def", tone::plain}};
  EXPECT_EQ(compose(line, 6, false), "abcdef");
  EXPECT_EQ(compose(line, 5, false), "abcd…");
  EXPECT_EQ(compose(line, 3, false), "ab…");
  EXPECT_EQ(compose(line, 6, true), "\x1b[32mabc\x1b[0mdef");
}

TEST(TerminalText, WritesLengthsOfTimeForPeople) {
  EXPECT_EQ(readable(0ns), "0.0 ms");
  EXPECT_EQ(readable(1234us), "1.2 ms");
  EXPECT_EQ(readable(12'345us), "12 ms");
  EXPECT_EQ(readable(999'900us), "999 ms");
  EXPECT_EQ(readable(3'210ms), "3.2 s");
  EXPECT_EQ(readable(59'970ms), "1 m 00 s");
  EXPECT_EQ(readable(125s), "2 m 05 s");
  EXPECT_EQ(readable(2h + 3min), "2 h 03 m");
  EXPECT_EQ(readable(-5s), "0.0 ms");
}

TEST(Repaint, WritesOnlyWhatDiffers) {
  EXPECT_EQ(repaint({}, {"a", "b"}, 80), "\r\x1b[2Ka\n\r\x1b[2Kb\n\r\x1b[J");
  EXPECT_EQ(repaint({"a", "b"}, {"a", "c"}, 80), "\r\x1b[2A\n\r\x1b[2Kc\n\r\x1b[J");
  EXPECT_EQ(repaint({"a", "b"}, {"a", "b"}, 80), "");
  EXPECT_EQ(repaint({"a", "b"}, {}, 80), "\r\x1b[2A\r\x1b[J");
}

TEST(Repaint, ClearsLinesThatANarrowerScreenHasWrapped) {
  EXPECT_EQ(repaint({"abcdef"}, {"ab"}, 4), "\r\x1b[2A\x1b[J\r\x1b[2Kab\n\r\x1b[J");
  EXPECT_EQ(repaint({"\x1b[32mabcd\x1b[0m"}, {"ab"}, 4), "\r\x1b[1A\r\x1b[2Kab\n\r\x1b[J");
}

} // namespace
} // namespace troupe::testing
