// The engine without GStreamer: labels a video that arrives as YUV4MPEG2, the simplest of containers.
//
//   ffmpeg -i walk.mp4 -pix_fmt yuv420p -f yuv4mpegpipe - | classify_file configs/models/default.safetensors
//   0.5
//
// Prints a line per prediction: seconds, label, score. Exits 1 if there is none.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "engine/engine.h"
#include "engine/labels.h"
#include "engine/tubeliser.h"

namespace {

/// "YUV4MPEG2 W320 H240 F25:1 C420jpeg", then for each frame a line "FRAME" and its planes Y, U, V.
class Y4mReader {
 public:
  explicit Y4mReader(std::istream& in) : in_(in) {
    std::string header, field;
    std::getline(in_, header);
    std::istringstream fields(header);
    fields >> field;
    if (field != "YUV4MPEG2")
      throw mone::Error("standard input is not YUV4MPEG2 (see the top of classify_file.cc)");
    while (fields >> field) {
      if (field[0] == 'W') width_ = std::atoi(field.c_str() + 1);
      if (field[0] == 'H') height_ = std::atoi(field.c_str() + 1);
      if (field[0] == 'F') std::sscanf(field.c_str(), "F%d:%d", &rate_, &scale_);
      if (field[0] == 'C' && field != "C420" && field != "C420jpeg" && field != "C420mpeg2" &&
          field != "C420paldv")
        throw mone::Error("only 4:2:0 of 8 bits is read here (ffmpeg -pix_fmt yuv420p), not " + field);
      int across = 0, down = 0;
      if (std::sscanf(field.c_str(), "A%d:%d", &across, &down) == 2 && across > 0 && down > 0)
        frame_.pixel_aspect = double(across) / down;
      if (field == "XCOLORRANGE=FULL") frame_.range = mone::ColourRange::kFull;
    }
    if (width_ < 1 || height_ < 1 || width_ > 16384 || height_ > 16384 || rate_ < 1 || scale_ < 1) {
      throw mone::Error("the header has no usable size and rate: " + header);
    }
    const std::size_t luma = std::size_t(width_) * height_;
    const std::size_t chroma = std::size_t((width_ + 1) / 2) * ((height_ + 1) / 2);
    pixels_.resize(luma + 2 * chroma);
    frame_.format = mone::PixelFormat::kI420;
    frame_.width = width_;
    frame_.height = height_;
    frame_.planes = {pixels_.data(), pixels_.data() + luma, pixels_.data() + luma + chroma};
    frame_.strides = {width_, (width_ + 1) / 2, (width_ + 1) / 2};
    frame_.matrix = height_ > 576 ? mone::ColourMatrix::kBt709 : mone::ColourMatrix::kBt601;
  }

  bool next() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    if (line.rfind("FRAME", 0) != 0 ||
        !in_.read(reinterpret_cast<char*>(pixels_.data()), std::streamsize(pixels_.size())))
      throw mone::Error("standard input breaks off inside a frame");
    return true;
  }
  const mone::Frame& frame() const { return frame_; }
  double rate() const { return double(rate_) / scale_; }
  mone::Time time_of(int index) const { return mone::Time(std::llround(1e9 * index / rate())); }

 private:
  std::istream& in_;
  int width_ = 0, height_ = 0, rate_ = 25, scale_ = 1;
  std::vector<std::uint8_t> pixels_;
  mone::Frame frame_;
};

void print(const mone::Prediction& prediction, const mone::ModelConfig& config) {
  std::vector<float> scores(prediction.logits.size());
  mone::softmax(prediction.logits, scores);
  const auto best = std::max_element(scores.begin(), scores.end());
  std::printf("%8.2f s  %-16s %.2f%s\n", std::chrono::duration<double>(prediction.window_end).count(),
              config.labels[std::size_t(best - scores.begin())].c_str(), *best,
              prediction.warming ? "  (warming up)" : "");
}

int label_standard_input(const std::string& model_path, double budget) {
  auto model = mone::Model::load(model_path);
  if (!model) throw mone::Error(model.error().text);
  auto engine = mone::Engine::create(model.value(), {});
  if (!engine) throw mone::Error(engine.error().text);
  const auto stream = engine.value()->new_stream();
  const mone::ModelConfig& config = model.value()->config();

  Y4mReader video(std::cin);
  mone::Tubeliser tubeliser(mone::tubelet_format(config), {});
  tubeliser.declare_frame_rate(video.rate());
  int tubelets = 0;
  const auto on_tubelet = [&](const mone::CutTubelet& tubelet) {
    ++tubelets;
    if (tubelet.restart) stream->reset();
    if (tubelet.lost) return stream->skip(tubelet.begin, tubelet.end);
    print(stream->push(tubelet.for_engine(), budget), config);
  };
  for (int index = 0; video.next(); ++index) {
    tubeliser.push(video.frame(), video.time_of(index), video.time_of(1), on_tubelet);
  }
  tubeliser.finish(on_tubelet);
  if (tubelets == 0) throw mone::Error("the video is too short: it has not the frames of one tubelet");
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw mone::Error("standard output could not be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return label_standard_input(argc > 1 ? argv[1] : "", argc > 2 ? std::atof(argv[2]) : 1.0);
  } catch (const std::exception& error) {
    std::cerr << "classify_file: " << error.what() << '\n';
    return 1;
  }
}
