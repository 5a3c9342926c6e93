// A small surveillance application on nothing but GStreamer: several sources, labels from bus messages and
// from the frames themselves, and a source that fails is tried again while the others go on.
//
//   app [--model FILE] [--budget B] [--seconds N] SOURCE...
//
// A SOURCE is a file, an rtsp:// address, v4l2:///dev/video0, or test://walk:3,wave:3 (a drawn person). Files
// end; the others are started again for ever, after 1, 2, 4 … 30 s. Ctrl-C, SIGTERM and SIGHUP end it.
//
//   rtsp://door/1: new    walk 0.83  1.20 to 2.13 s  2026-03-01T14:02:11+01:00
//
// Each `new` has an `end`, also where a stream breaks off. Seconds count from the beginning of the file, or
// from when the source was last started; other sources than files have the wall clock's time behind them, of
// a `new` when it began and of an `end` when it ended. Users and passwords in addresses are not printed.
// Exits 1 if a file could not be read, or the labels could not be written.
#include <fcntl.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Options {
  std::string model;
  double budget = 0;  // 0: what the machine can do
  int seconds = 0;    // 0: until all files have ended, or for ever
};

struct App;

/// A label that has begun, as the newest message about it says.
struct Label {
  std::string name;
  double score = 0, start = 0, end = 0;  // seconds
  gint64 ended = 0;                      // microseconds since 1970
};

/// One source and its pipeline, which is built anew for each try.
struct Camera {
  App* app = nullptr;
  std::string address, name;  // the name is the address without user and password
  GstElement* pipeline = nullptr;
  std::map<std::pair<guint, std::string>, Label> open;  // by region and label: begun and not ended
  guint wait_seconds = 1;
  guint retry = 0, watch = 0;      // GLib ids of the timers
  guint64 seen = 0;                // frames when the watch last looked
  guint silent = 0, patience = 0;  // how often it has seen no more, and how often it may
  guint64 frames = 0, labelled = 0;
  bool done = false, failed = false;

  bool is_file() const {
    return address.find("://") == std::string::npos ||
           g_ascii_strncasecmp(address.c_str(), "file://", 7) == 0;
  }
  void start();
  void stop();
  void fail(std::string why);
  void end();
  void hear(const GstStructure* message);
  void print(const char* event, const Label& label, gint64 when) const;
  gint64 wall_time(guint64 pts) const;
};

struct App {
  Options options;
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  std::vector<std::unique_ptr<Camera>> cameras;
  std::size_t started = 0;
  bool deaf = false;  // standard output takes nothing any more

  void quit_when_all_done() {
    if (std::all_of(cameras.begin(), cameras.end(), [](const auto& c) { return c->done; }))
      g_main_loop_quit(loop);
  }
  /// Labels that nobody can read are not worth running for: says so once, and ends.
  void flush() {
    if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return;
    if (!std::exchange(deaf, true)) std::fprintf(stderr, "app: standard output: %s\n", g_strerror(errno));
    g_main_loop_quit(loop);
  }
};

/// A camera that loses power says nothing, and TCP waits for it for a quarter of an hour. Before its first
/// frame it gets six times as long.
constexpr guint kSilentSeconds = 10;

/// An address without the user and password before its host, and without one that is a parameter of it: they
/// belong on no screen and into no log. A password may have a raw '/', '?' or '#' in it: what stands behind
/// the colon is no port then.
std::string without_password(const std::string& address) {
  static const std::regex user("://([^/?#]*@|(?!\\[)[^/?#:]*:[0-9]*[^/?#0-9].*@)");
  static const std::regex parameter("([?&;/_](password|passwd|pass|pwd|token)=)[^&;/?#]*", std::regex::icase);
  return std::regex_replace(std::regex_replace(address, user, "://", std::regex_constants::format_first_only),
                            parameter, "$1***");
}

/// A camera over TCP: no firewall in the way, and a server that closes the connection is noticed at once.
void set_up_source(GstElement*, GstElement* source, gpointer) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(source), "protocols")) {
    gst_util_set_object_arg(G_OBJECT(source), "protocols", "tcp");
  }
}

/// What makes video of a source; nothing that a user typed goes through gst_parse_launch.
GstElement* make_source(const Camera& camera) {
  const std::string& name = camera.address;
  if (name.rfind("test://", 0) == 0) {
    GstElement* source = gst_element_factory_make("actiontestsrc", "from");
    if (source) g_object_set(source, "is-live", TRUE, "script", name.c_str() + 7, nullptr);
    return source;
  }
  if (name.rfind("v4l2://", 0) == 0) {
    GstElement* source = gst_element_factory_make("v4l2src", "from");
    if (source) g_object_set(source, "device", name.c_str() + 7, nullptr);
    return source;
  }
  GstElement* source = gst_element_factory_make("uridecodebin", "from");
  gchar* uri = name.find("://") == std::string::npos ? gst_filename_to_uri(name.c_str(), nullptr)
                                                     : g_strdup(name.c_str());
  g_object_set(source, "uri", uri, nullptr);
  g_signal_connect(source, "source-setup", G_CALLBACK(set_up_source), nullptr);
  g_free(uri);
  return source;
}

/// Takes the first video pad; sound stays unlinked.
void link_pad(GstElement*, GstPad* pad, gpointer rest) {
  GstPad* sink = gst_element_get_static_pad(GST_ELEMENT(rest), "sink");
  GstCaps* caps = gst_pad_query_caps(pad, nullptr);
  const GstStructure* kind = gst_caps_is_empty(caps) ? nullptr : gst_caps_get_structure(caps, 0);
  if (kind && gst_structure_has_name(kind, "video/x-raw") && !gst_pad_is_linked(sink))
    gst_pad_link(pad, sink);
  gst_caps_unref(caps);
  gst_object_unref(sink);
}

/// Says of a file without video what is the matter, before its sound has nowhere to go.
void find_no_video(GstElement* source, gpointer rest) {
  GstPad* sink = gst_element_get_static_pad(GST_ELEMENT(rest), "sink");
  if (!gst_pad_is_linked(sink))
    GST_ELEMENT_ERROR(source, STREAM, WRONG_TYPE, ("there is no video in it that can be decoded here"),
                      (nullptr));
  gst_object_unref(sink);
}

/// The labels that ride on a frame: here they are only counted; an application would draw or store them. Runs
/// on a streaming thread.
GstPadProbeReturn look_at_frame(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* camera = static_cast<Camera*>(data);
  GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  __atomic_add_fetch(&camera->frames, 1, __ATOMIC_RELAXED);
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, "GstMoneActionMeta");
  gboolean fresh = FALSE;
  if (meta && gst_structure_get_boolean(gst_custom_meta_get_structure(meta), "fresh", &fresh) && fresh) {
    __atomic_add_fetch(&camera->labelled, 1, __ATOMIC_RELAXED);
  }
  return GST_PAD_PROBE_OK;
}

/// `mone-label` messages say what begins, goes on and ends.
void Camera::hear(const GstStructure* message) {
  wait_seconds = 1;  // it works: the next failure is a new one
  Label label;
  label.name = gst_structure_get_string(message, "label");
  guint region = 0;
  guint64 start = 0, end = 0, stream_time = 0;  // PTS; and as a player counts, from the beginning of the file
  gst_structure_get(message, "region", G_TYPE_UINT, &region, "score", G_TYPE_DOUBLE, &label.score, "start",
                    G_TYPE_UINT64, &start, "end", G_TYPE_UINT64, &end, nullptr);
  label.ended = wall_time(end);
  if (!gst_structure_get_uint64(message, "stream-time", &stream_time)) stream_time = start;
  label.start = static_cast<double>(stream_time) / GST_SECOND;
  label.end = static_cast<double>(stream_time + (end - start)) / GST_SECOND;

  const std::string event = gst_structure_get_string(message, "event");
  const auto key = std::pair(region, label.name);
  if (event != "update") print(event.c_str(), label, event == "new" ? wall_time(start) : label.ended);
  if (event == "end") {
    open.erase(key);
  } else {
    label.score = std::max(label.score, open[key].score);  // at its end, the highest that it reached
    open[key] = label;
  }
}

/// @param when  microseconds since 1970, said of other sources than files
void Camera::print(const char* event, const Label& label, gint64 when) const {
  std::printf("%s: %-6s %s %.2f  %.2f to %.2f s", name.c_str(), event, label.name.c_str(), label.score,
              label.start, label.end);
  if (!is_file()) {
    GDateTime* utc = g_date_time_new_from_unix_utc(when / G_USEC_PER_SEC);
    GDateTime* local = g_date_time_to_local(utc);
    gchar* text = g_date_time_format(local, "%Y-%m-%dT%H:%M:%S%:z");
    std::printf("  %s", text);
    g_free(text);
    g_date_time_unref(local);
    g_date_time_unref(utc);
  }
  std::printf("\n");
  app->flush();
}

/// When a frame of a live source came in: its PTS counts from when the pipeline was started.
gint64 Camera::wall_time(guint64 pts) const {
  const GstClockTime now = gst_element_get_current_running_time(pipeline);
  const bool past = GST_CLOCK_TIME_IS_VALID(now) && now > pts;
  return g_get_real_time() - (past ? static_cast<gint64>((now - pts) / 1000) : 0);
}

gboolean on_message(GstBus*, GstMessage* message, gpointer data) {
  auto* camera = static_cast<Camera*>(data);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name(message, "mone-label")) camera->hear(gst_message_get_structure(message));
      return G_SOURCE_CONTINUE;
    case GST_MESSAGE_ERROR: {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      const std::string why = error->message;
      g_error_free(error);
      camera->fail(why);
      return G_SOURCE_REMOVE;
    }
    case GST_MESSAGE_EOS:
      camera->end();
      return G_SOURCE_REMOVE;
    default:
      return G_SOURCE_CONTINUE;
  }
}

GstPad* sink_pad_of(GstElement* bin, const char* name) {
  GstElement* element = gst_bin_get_by_name(GST_BIN(bin), name);
  GstPad* pad = gst_element_get_static_pad(element, "sink");
  gst_object_unref(element);
  return pad;
}

void Camera::start() {
  GError* error = nullptr;
  GstElement* from = make_source(*this);
  GstElement* rest = gst_parse_bin_from_description(
      "queue name=in max-size-buffers=4 ! videoconvert ! videoflip video-direction=auto ! moneclassify "
      "name=classify messages=all ! fakesink name=to "
      "sync=true",
      FALSE, &error);
  if (!from || !rest) {
    const std::string why = error ? error->message : "the element that reads it is not installed";
    g_clear_error(&error);
    if (from) gst_object_unref(gst_object_ref_sink(from));
    if (rest) gst_object_unref(gst_object_ref_sink(rest));
    return fail(why);
  }
  GstElement* classify = gst_bin_get_by_name(GST_BIN(rest), "classify");
  if (!app->options.model.empty()) g_object_set(classify, "model", app->options.model.c_str(), nullptr);
  if (app->options.budget > 0) g_object_set(classify, "budget", app->options.budget, nullptr);
  gst_object_unref(classify);
  GstPad* in = sink_pad_of(rest, "in");
  gst_element_add_pad(rest, gst_ghost_pad_new("sink", in));
  gst_object_unref(in);
  GstPad* to = sink_pad_of(rest, "to");
  gst_pad_add_probe(to, GST_PAD_PROBE_TYPE_BUFFER, look_at_frame, this, nullptr);
  gst_object_unref(to);

  pipeline = gst_pipeline_new(nullptr);
  gst_bin_add_many(GST_BIN(pipeline), from, rest, nullptr);
  if (GstPad* always = gst_element_get_static_pad(from, "src")) {
    gst_object_unref(always);
    gst_element_link(from, rest);
  } else {
    g_signal_connect(from, "pad-added", G_CALLBACK(link_pad), rest);
    g_signal_connect(from, "no-more-pads", G_CALLBACK(find_no_video), rest);
  }
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_bus_add_watch(bus, on_message, this);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  seen = __atomic_load_n(&frames, __ATOMIC_RELAXED);
  silent = 0, patience = 6;
  if (is_file()) return;
  watch = g_timeout_add_seconds(
      kSilentSeconds,
      [](gpointer data) -> gboolean {
        auto* camera = static_cast<Camera*>(data);
        const guint64 now = __atomic_load_n(&camera->frames, __ATOMIC_RELAXED);
        if (std::exchange(camera->seen, now) != now) {
          camera->silent = 0, camera->patience = 1;
          return G_SOURCE_CONTINUE;
        }
        if (++camera->silent < camera->patience) return G_SOURCE_CONTINUE;
        camera->watch = 0;
        camera->fail("no frames for " + std::to_string(kSilentSeconds * camera->silent) + " s");
        return G_SOURCE_REMOVE;
      },
      this);
}

void Camera::stop() {
  for (guint* timer : {&retry, &watch})
    if (*timer) g_source_remove(std::exchange(*timer, 0));
  for (const auto& [key, label] : open) print("end", label, label.ended);
  open.clear();
  if (!pipeline) return;
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_bus_remove_watch(bus);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  pipeline = nullptr;
}

void Camera::fail(std::string why) {
  if (const auto at = why.find(address); at != std::string::npos) why.replace(at, address.size(), name);
  std::fprintf(stderr, "%s: %s\n", name.c_str(), why.c_str());
  stop();
  if (is_file()) {
    failed = done = true;
    return app->quit_when_all_done();
  }
  std::fprintf(stderr, "%s: again in %u s\n", name.c_str(), wait_seconds);
  retry = g_timeout_add_seconds(
      wait_seconds,
      [](gpointer data) -> gboolean {
        auto* camera = static_cast<Camera*>(data);
        camera->retry = 0;
        camera->start();
        return G_SOURCE_REMOVE;
      },
      this);
  wait_seconds = std::min(wait_seconds * 2, 30u);
}

void Camera::end() {
  if (!is_file()) return fail("the stream has ended");
  stop();
  done = true;
  app->quit_when_all_done();
}

/// One source at a time, so that signals and timers are heard between two of them.
gboolean start_next(gpointer data) {
  auto* app = static_cast<App*>(data);
  app->cameras[app->started++]->start();
  return app->started < app->cameras.size() ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/// A second signal ends the program at once, should a source not let itself be stopped.
gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_REMOVE;
}

void quit_on_signals(GMainLoop* loop) {
  g_unix_signal_add(SIGINT, quit, loop);
  g_unix_signal_add(SIGTERM, quit, loop);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) g_unix_signal_add(SIGHUP, quit, loop);  // nohup ignores it
}

/// The value of an option; ends the program if it is none.
double number(const std::string& option, const char* text, double least, double most, bool whole) {
  char* rest = nullptr;
  const double value = g_ascii_strtod(text, &rest);
  if (rest != text && !*rest && value >= least && value <= most && !(whole && value != std::floor(value)))
    return value;
  std::fprintf(stderr, "app: %s takes a %snumber from %.10g to %.10g, not %s\n", option.c_str(),
               whole ? "whole " : "", least, most, text);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  // Before anything else gets its descriptor, and the labels.
  if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
    std::fprintf(stderr, "app: standard output is closed\n");
    return 1;
  }
  gst_init(&argc, &argv);
  App app;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool value = i + 1 < argc;
    if (argument == "--model" && value) {
      app.options.model = argv[++i];
    } else if (argument == "--budget" && value) {
      app.options.budget = number(argument, argv[++i], 0.0625, 1, false);
    } else if (argument == "--seconds" && value) {
      app.options.seconds = static_cast<int>(number(argument, argv[++i], 1, G_MAXINT, true));
    } else if (argument.rfind("--", 0) == 0) {
      std::fprintf(stderr, "usage: app [--model FILE] [--budget B] [--seconds N] SOURCE...\n");
      return 2;
    } else {
      app.cameras.push_back(std::make_unique<Camera>());
      app.cameras.back()->app = &app;
      app.cameras.back()->address = argument;
      app.cameras.back()->name = without_password(argument);
    }
  }
  if (app.cameras.empty()) {
    std::fprintf(stderr, "no SOURCE: a file, rtsp://..., v4l2:///dev/video0 or test://walk:3,wave:3\n");
    return 2;
  }
  quit_on_signals(app.loop);
  if (app.options.seconds > 0) g_timeout_add_seconds(static_cast<guint>(app.options.seconds), quit, app.loop);
  g_idle_add(start_next, &app);
  g_main_loop_run(app.loop);

  bool failed = false;
  for (const auto& camera : app.cameras) {
    camera->stop();
    std::printf("%s: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " of them with a new label\n",
                camera->name.c_str(), camera->frames, camera->labelled);
    failed |= camera->failed;
  }
  app.flush();
  g_main_loop_unref(app.loop);
  return failed || app.deaf ? 1 : 0;
}
