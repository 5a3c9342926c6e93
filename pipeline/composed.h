/// Text with every accented letter as one character.
#pragma once

#include <string>

namespace mone {

/// Unicode's normal form C: a Mac takes the names of its folders apart ("u" and two dots), others do not, and
/// a reader sees no difference. What is not UTF-8 stays as it is.
std::string composed(const std::string& text);

}  // namespace mone
