// Files of every kind through FFmpeg: times, turned pictures, odd formats, damage.
#include "pipeline/video_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/pipeline/run_program.h"
#include "tests/pipeline/video_writer.h"

namespace mone::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Seen {
  std::vector<Time> times;
  int width = 0, height = 0;
  PixelFormat format{};
  VideoLosses losses;
};

class VideoFiles : public ::testing::Test {
 protected:
  void SetUp() override { av_log_set_level(AV_LOG_QUIET); }

  std::string write(const std::string& name, const VideoSpec& spec = {}) {
    const std::string path = folder_.file(name);
    missing_ = write_video(path, spec);
    return path;
  }
  static Seen see(const std::string& path) {
    Seen seen;
    auto file = VideoFile::open(path);
    EXPECT_TRUE(file) << file.error().text;
    if (!file) return seen;
    while (const auto* picture = file.value()->next()) {
      seen.times.push_back(picture->time);
      seen.width = picture->frame.width;
      seen.height = picture->frame.height;
      seen.format = picture->frame.format;
    }
    seen.losses = file.value()->losses();
    return seen;
  }
  TemporaryFolder folder_;
  std::string missing_;
};

TEST_F(VideoFiles, GiveEveryFrameAtItsTime) {
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.avi"}) {
    const std::string path = write(name);
    ASSERT_EQ(missing_, "");
    const Seen seen = see(path);
    ASSERT_EQ(seen.times.size(), 60u) << name;
    EXPECT_EQ(seen.times[0], Time{}) << name;
    for (int i = 0; i < 60; ++i) {
      EXPECT_NEAR(std::chrono::duration<double>(seen.times[i]).count(), i / 30.0, 0.0015) << name << " " << i;
    }
    EXPECT_FALSE(seen.losses.any()) << name << ": " << seen.losses.text();
  }
}

TEST_F(VideoFiles, KeepTheOrderOfPresentation) {
  VideoSpec spec;
  spec.encoder = "libx264";
  spec.b_frames = 2;
  const std::string path = write("b.mp4", spec);
  if (!missing_.empty()) GTEST_SKIP() << missing_;
  const Seen seen = see(path);
  ASSERT_EQ(seen.times.size(), 60u);
  EXPECT_EQ(seen.times[0], Time{});
  EXPECT_TRUE(std::is_sorted(seen.times.begin(), seen.times.end()));
}

TEST_F(VideoFiles, KeepUnevenTimes) {
  VideoSpec spec;
  spec.time = [](int i) { return 100 + 40 * i + (i >= 20 ? 500 : 0) + (i % 2) * 9; };
  const Seen seen = see(write("vfr.mkv", spec));
  ASSERT_EQ(missing_, "");
  ASSERT_EQ(seen.times.size(), 60u);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(seen.times[i], milliseconds(40 * i + (i >= 20 ? 500 : 0) + (i % 2) * 9)) << i;
  }
}

TEST_F(VideoFiles, StandUprightWhenTurned) {
  VideoSpec spec;
  spec.frames = 3;
  const Seen upright = see(write("0.mp4", spec));
  ASSERT_EQ(missing_, "");
  EXPECT_EQ(upright.width, 96);
  for (const int turn : {90, 270}) {
    spec.turn = turn;
    const Seen seen = see(write("t.mp4", spec));
    EXPECT_EQ(seen.width, 80) << turn;
    EXPECT_EQ(seen.height, 96) << turn;
  }
  spec.turn = 180;
  EXPECT_EQ(see(write("h.mp4", spec)).width, 96);
}

TEST_F(VideoFiles, AreConvertedWhenTheCutterDoesNotTakeTheirFormat) {
  for (const char* format : {"yuv422p", "yuv444p", "yuv420p10le"}) {
    VideoSpec spec;
    spec.encoder = "ffv1";
    spec.pixel_format = format;
    spec.frames = 5;
    const Seen seen = see(write("f.mkv", spec));
    ASSERT_EQ(missing_, "") << format;
    EXPECT_EQ(seen.times.size(), 5u) << format;
    EXPECT_EQ(seen.format, PixelFormat::kI420) << format;
  }
}

TEST_F(VideoFiles, WithoutTimesAreSpacedEvenly) {
  const std::string path = write("raw.m4v");  // an elementary stream: no container, no times
  ASSERT_EQ(missing_, "");
  const Seen seen = see(path);
  ASSERT_GE(seen.times.size(), 59u);
  for (std::size_t i = 1; i < seen.times.size(); ++i) {
    EXPECT_GT(seen.times[i], seen.times[i - 1]) << i;
    EXPECT_LT(seen.times[i] - seen.times[i - 1], milliseconds(70)) << i;
  }
}

TEST_F(VideoFiles, CutShortGiveWhatIsThereAndSayWhatIsNot) {
  const std::string path = write("cut.mkv");
  ASSERT_EQ(missing_, "");
  const std::string bytes = read_file(path);
  write_file(path, bytes.substr(0, bytes.size() / 2));
  const Seen seen = see(path);
  EXPECT_GT(seen.times.size(), 10u);
  EXPECT_LT(seen.times.size(), 50u);
  EXPECT_TRUE(seen.losses.any());
  EXPECT_THAT(seen.losses.text(), HasSubstr("s are missing"));
}

TEST_F(VideoFiles, WithDamageInsideGiveTheRest) {
  const std::string path = write("hurt.avi");
  ASSERT_EQ(missing_, "");
  std::string bytes = read_file(path);
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 3 + 6000 && i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 31 >> 2);
  }
  write_file(path, bytes);
  const Seen seen = see(path);
  EXPECT_GT(seen.times.size(), 20u);
  EXPECT_TRUE(seen.losses.any());
}

TEST_F(VideoFiles, CutAnywhereNeitherCrashNorHang) {
  VideoSpec spec;
  spec.frames = 8;
  for (const char* name : {"x.mp4", "x.mkv", "x.ts", "x.avi"}) {
    const std::string path = write(name, spec);
    const std::string bytes = read_file(path);
    for (int share = 0; share < 16; ++share) {
      write_file(path, bytes.substr(0, bytes.size() * share / 16));
      auto file = VideoFile::open(path);
      if (!file) {
        EXPECT_THAT(file.error().text, HasSubstr(path));
        continue;
      }
      int frames = 0;
      while (file.value()->next()) ++frames;
      EXPECT_LE(frames, 8);
    }
  }
}

/// Made by the ffmpeg program, another writer than ours; false where there is none.
bool ffmpeg(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"ffmpeg", "-v", "error", "-y"});
  return run_program(std::move(arguments)).code == 0;
}

TEST_F(VideoFiles, ACoverPictureIsNoVideo) {
  const std::string cover = folder_.file("cover.png"), song = folder_.file("song.m4a");
  if (!ffmpeg({"-f", "lavfi", "-i", "testsrc=size=64x64", "-frames:v", "1", cover}) ||
      !ffmpeg({"-f", "lavfi", "-i", "anullsrc", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy",
               "-disposition:v", "attached_pic", "-t", "1", song}))
    GTEST_SKIP() << "there is no ffmpeg program that writes them";
  EXPECT_THAT(VideoFile::open(song).error().text, HasSubstr("has no video stream (a cover picture alone)"));
}

TEST_F(VideoFiles, OfAStreamThatBeganBeforeBeginAtZero) {
  // Its container's beginning is in microseconds, its frames' times in 1/90000 s.
  const std::string path = folder_.file("part.ts");
  if (!ffmpeg({"-f", "lavfi", "-i", "testsrc=size=64x48:rate=30", "-frames:v", "10", "-c:v", "mpeg2video",
               "-muxdelay", "1.4", path}))
    GTEST_SKIP() << "there is no ffmpeg program that writes it";
  EXPECT_EQ(see(path).times.at(0), Time{});
}

TEST(ShownName, HasNoUserAndNoPassword) {
  EXPECT_EQ(shown_name("rtsp://user:secret@host:554/a?b=c@d"), "rtsp://host:554/a?b=c@d");
  EXPECT_EQ(shown_name("rtsp://user:s@cret@host"), "rtsp://host");
  EXPECT_EQ(shown_name("http://host/@user/a.mp4"), "http://host/@user/a.mp4");
  EXPECT_EQ(shown_name("http://host?to=a@b"), "http://host?to=a@b");
  EXPECT_EQ(shown_name("a@b/c@d.mp4"), "a@b/c@d.mp4");
  EXPECT_EQ(shown_name("x@y://z"), "x@y://z");
  // Raw '/', '?' and '#' in a password, which no port has.
  EXPECT_EQ(shown_name("rtsp://user:s/e?c#r@et@host:554/a"), "rtsp://host:554/a");
  EXPECT_EQ(shown_name("rtsp://host:554/cam@1"), "rtsp://host:554/cam@1");
  EXPECT_EQ(shown_name("rtsp://[fe80::1]:554/cam@1"), "rtsp://[fe80::1]:554/cam@1");
  EXPECT_EQ(shown_name("rtsp://host:no-port"), "rtsp://host:no-port");
  // Cameras that take it as a parameter.
  EXPECT_EQ(shown_name("http://host/a?user=admin&Password=secret&bypass=1"),
            "http://host/a?user=admin&Password=***&bypass=1");
  EXPECT_EQ(shown_name("rtsp://host/user=admin_password=secret&pwd=&token=a/b.sdp"),
            "rtsp://host/user=admin_password=***&pwd=***&token=***/b.sdp");
}

/// A server on loopback that answers whatever it is asked with `answer` and then falls silent.
class SilentServer {
 public:
  explicit SilentServer(std::string answer) : answer_(std::move(answer)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, general, size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    ::getsockname(socket_, general, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~SilentServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  std::string url(const std::string& scheme) const {
    return scheme + "://user:secret@127.0.0.1:" + std::to_string(port_) + "/a";
  }

 private:
  void serve() {
    std::vector<int> clients;
    for (int client; (client = ::accept(socket_, nullptr, nullptr)) >= 0;) {
      EXPECT_EQ(::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL), std::ssize(answer_));
      clients.push_back(client);
    }
    for (const int client : clients) ::close(client);
  }

  std::string answer_;
  int socket_ = -1, port_ = 0;
  std::thread thread_;
};

TEST_F(VideoFiles, OfAServerThatSendsNothingEnd) {
  const SilentServer server("");
  for (const char* scheme : {"http", "rtsp"}) {
    const auto file = VideoFile::open(server.url(scheme), std::chrono::seconds(1));
    ASSERT_FALSE(file) << scheme;
    EXPECT_THAT(file.error().text, AllOf(HasSubstr("127.0.0.1"), HasSubstr("the source sent nothing for 1 s"),
                                         Not(HasSubstr("secret"))))
        << scheme;
  }
}

TEST_F(VideoFiles, OfAServerThatFallsSilentEndWithWhatCame) {
  for (const char* name : {"s.ts", "s.mkv"}) {
    VideoSpec spec;
    spec.frames = 600;
    const std::string bytes = read_file(write(name, spec));
    ASSERT_EQ(missing_, "");
    const SilentServer server("HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(2 * bytes.size()) +
                              "\r\n\r\n" + bytes);
    auto file = VideoFile::open(server.url("http"), std::chrono::seconds(3));
    ASSERT_TRUE(file) << file.error().text;
    int frames = 0;
    while (file.value()->next()) ++frames;
    EXPECT_GT(frames, 500) << name;
    EXPECT_THAT(file.value()->losses().text(), HasSubstr("the source sent nothing for 3 s")) << name;
  }
}

TEST(Orientation, ReadsDisplayMatrices) {
  const std::int32_t one = 1 << 16;
  const std::int32_t upright[9] = {one, 0, 0, 0, one, 0, 0, 0, 1 << 30};
  EXPECT_TRUE(orientation_of(upright).upright());
  const std::int32_t clockwise[9] = {0, one, 0, -one, 0, 0, 0, 0, 1 << 30};
  const Orientation turned = orientation_of(clockwise);
  EXPECT_TRUE(turned.transpose && turned.flip_x && !turned.flip_y);
  const std::int32_t mirrored[9] = {-one, 0, 0, 0, one, 0, 0, 0, 1 << 30};
  const Orientation flipped = orientation_of(mirrored);
  EXPECT_TRUE(!flipped.transpose && flipped.flip_x && !flipped.flip_y);
}

/// A grey picture whose pixels are 10 y + x, luma plane of 4:2:0.
AvPtr<AVFrame> counted_picture(int width, int height) {
  AvPtr<AVFrame> picture(av_frame_alloc());
  picture->format = AV_PIX_FMT_YUV420P;
  picture->width = width;
  picture->height = height;
  EXPECT_GE(av_frame_get_buffer(picture.get(), 0), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      picture->data[0][y * picture->linesize[0] + x] = static_cast<std::uint8_t>(10 * y + x);
  }
  for (int plane : {1, 2}) {
    for (int y = 0; y < (height + 1) / 2; ++y)
      std::fill_n(picture->data[plane] + y * picture->linesize[plane], (width + 1) / 2, 128);
  }
  return picture;
}

TEST(Upright, TurnsEveryPixel) {
  const auto picture = counted_picture(5, 3);
  Upright upright;
  const auto at = [](const AVFrame* p, int x, int y) { return p->data[0][y * p->linesize[0] + x]; };
  // A quarter clockwise: the top left pixel goes to the top right, the bottom left one to the top left.
  const AVFrame* turned = upright.apply(picture.get(), {true, true, false});
  ASSERT_EQ(turned->width, 3);
  ASSERT_EQ(turned->height, 5);
  EXPECT_EQ(at(turned, 2, 0), 0);
  EXPECT_EQ(at(turned, 0, 0), 20);
  EXPECT_EQ(at(turned, 0, 4), 24);
  EXPECT_EQ(at(turned, 2, 4), 4);
  picture->sample_aspect_ratio = {4, 3};  // wide pixels, turned, are high ones
  EXPECT_EQ(av_cmp_q(upright.apply(picture.get(), {true, true, false})->sample_aspect_ratio, {3, 4}), 0);
  EXPECT_EQ(av_cmp_q(upright.apply(picture.get(), {false, true, true})->sample_aspect_ratio, {4, 3}), 0);
  const AVFrame* over = upright.apply(picture.get(), {false, true, true});
  ASSERT_EQ(over->width, 5);
  EXPECT_EQ(at(over, 0, 0), 24);
  EXPECT_EQ(at(over, 4, 2), 0);
  EXPECT_EQ(upright.apply(picture.get(), {}), picture.get());
}

}  // namespace
}  // namespace mone::testing
