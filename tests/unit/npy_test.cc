#include "pipeline/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace mone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string npy(const std::string& header, const std::string& data, char major = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += major;
  bytes += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + data;
}

std::string failure_of(const std::string& bytes) {
  auto array = parse_npy_u8(bytes);
  return array ? "parsed" : array.error().text;
}

const std::string kGood = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }          \n";

TEST(Npy, ReadsShapeAndElements) {
  auto array = parse_npy_u8(npy(kGood, "abcdef"));
  ASSERT_TRUE(array) << array.error().text;
  EXPECT_THAT(array.value().shape, ElementsAre(2, 1, 3));
  EXPECT_THAT(array.value().data, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST(Npy, ReadsVersionsTwoAndThree) {
  EXPECT_TRUE(parse_npy_u8(npy(kGood, "abcdef", 2)));
  EXPECT_TRUE(parse_npy_u8(npy(kGood, "abcdef", 3)));
  EXPECT_THAT(failure_of(npy(kGood, "abcdef", 4)), HasSubstr("version is 4.0"));
}

TEST(Npy, ReadsKeysInAnyOrderAndAScalarShape) {
  EXPECT_TRUE(parse_npy_u8(npy("{\"shape\": (), 'fortran_order': False, 'descr': 'u1'}", "x")));
}

TEST(Npy, RefusesAnythingButU8) {
  EXPECT_THAT(failure_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "abcd")),
              HasSubstr("'<f4'"));
}

TEST(Npy, RefusesFortranOrder) {
  EXPECT_THAT(failure_of(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }", "a")),
              HasSubstr("Fortran"));
}

TEST(Npy, RefusesAShapeThatDoesNotFitTheBytes) {
  EXPECT_THAT(failure_of(npy(kGood, "abcde")), HasSubstr("wants 6 bytes of elements, it has 5"));
  EXPECT_THAT(failure_of(npy(kGood, "abcdefg")), HasSubstr("it has 7"));
  EXPECT_THAT(failure_of(npy("{'descr': '|u1', 'fortran_order': False, 'shape': "
                             "(4294967296, 4294967296, 4294967296), }",
                             "a")),
              HasSubstr("too many"));
}

TEST(Npy, RefusesMalformedHeaders) {
  for (const char* header :
       {"", "[]", "{", "{'descr': '|u1'}", "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 1}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'descr': '|u1'}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x"}) {
    EXPECT_THAT(failure_of(npy(header, "a")), HasSubstr("not a .npy file")) << header;
  }
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string whole = npy(kGood, "abcdef");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_npy_u8(std::string_view(whole).substr(0, size))) << size;
  }
}

TEST(Npy, ReadsWhatItWrites) {
  const std::string path = ::testing::TempDir() + "npy_test_written.npy";
  const std::vector<std::uint8_t> data{1, 2, 3, 4, 5, 6};
  for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{6}, {2, 3}, {1, 2, 3}}) {
    ASSERT_EQ(write_npy_u8(path, shape, data), "");
    const auto array = read_npy_u8(path);
    ASSERT_TRUE(array) << array.error().text;
    EXPECT_EQ(array.value().shape, shape);
    EXPECT_EQ(array.value().data, data);
  }
  std::remove(path.c_str());
  EXPECT_THAT(write_npy_u8("/nowhere/clip.npy", {6}, data),
              HasSubstr("/nowhere/clip.npy: cannot be written"));
}

TEST(Npy, NamesAFileThatIsNotThere) {
  auto array = read_npy_u8("/nowhere/clip.npy");
  ASSERT_FALSE(array);
  EXPECT_THAT(array.error().text, HasSubstr("/nowhere/clip.npy: No such file"));
}

}  // namespace
}  // namespace mone
