// A small surveillance application on nothing but GStreamer: several sources, labels from bus messages and
// from the frames themselves, and a source that fails is tried again while the others go on.
//
//   app [--model FILE] [--budget B] [--seconds N] SOURCE...
//
// A SOURCE is a file, an rtsp:// address, v4l2:///dev/video0, or test://walk:3,wave:3 (a drawn person). Files
// end; the others are started again for ever, after 1, 2, 4 … 30 s. Exits 1 if a file could not be read.
#include <glib-unix.h>
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
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

/// One source and its pipeline, which is built anew for each try.
struct Camera {
  App* app = nullptr;
  std::string name;
  GstElement* pipeline = nullptr;
  guint wait_seconds = 1;
  guint retry = 0, watch = 0;      // GLib ids of the timers
  guint64 seen = 0;                // frames when the watch last looked
  guint silent = 0, patience = 0;  // how often it has seen no more, and how often it may
  guint64 frames = 0, labelled = 0;
  bool done = false, failed = false;

  bool is_file() const { return name.find("://") == std::string::npos; }
  void start();
  void stop();
  void fail(const std::string& why);
  void end();
};

struct App {
  Options options;
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  std::vector<std::unique_ptr<Camera>> cameras;

  void quit_when_all_done() {
    if (std::all_of(cameras.begin(), cameras.end(), [](const auto& c) { return c->done; }))
      g_main_loop_quit(loop);
  }
};

/// A camera that loses power says nothing, and TCP waits for it for a quarter of an hour. Before its first
/// frame it gets six times as long.
constexpr guint kSilentSeconds = 10;

/// A camera over TCP: no firewall in the way, and a server that closes the connection is noticed at once.
void set_up_source(GstElement*, GstElement* source, gpointer) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(source), "protocols")) {
    gst_util_set_object_arg(G_OBJECT(source), "protocols", "tcp");
  }
}

/// What makes video of a source; nothing that a user typed goes through gst_parse_launch.
GstElement* make_source(const Camera& camera) {
  const std::string& name = camera.name;
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
  gchar* uri = camera.is_file() ? gst_filename_to_uri(name.c_str(), nullptr) : g_strdup(name.c_str());
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

/// `mone-label` messages say what begins and what ends.
void print_label(const Camera& camera, const GstStructure* label) {
  double score = 0;
  guint64 start = 0, end = 0, stream_time = 0;  // PTS; and as a player counts, from the beginning of the file
  gst_structure_get(label, "score", G_TYPE_DOUBLE, &score, "start", G_TYPE_UINT64, &start, "end",
                    G_TYPE_UINT64, &end, nullptr);
  if (gst_structure_get_uint64(label, "stream-time", &stream_time)) {
    end = stream_time + (end - start);
    start = stream_time;
  }
  std::printf("%s: %-6s %s %.2f  %.2f to %.2f s\n", camera.name.c_str(),
              gst_structure_get_string(label, "event"), gst_structure_get_string(label, "label"), score,
              static_cast<double>(start) / GST_SECOND, static_cast<double>(end) / GST_SECOND);
  std::fflush(stdout);
}

gboolean on_message(GstBus*, GstMessage* message, gpointer data) {
  auto* camera = static_cast<Camera*>(data);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name(message, "mone-label")) {
        camera->wait_seconds = 1;  // it works: the next failure is a new one
        print_label(*camera, gst_message_get_structure(message));
      }
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
      "name=classify ! fakesink name=to "
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
  if (!pipeline) return;
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_bus_remove_watch(bus);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  pipeline = nullptr;
}

void Camera::fail(const std::string& why) {
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

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_CONTINUE;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  App app;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool value = i + 1 < argc;
    if (argument == "--model" && value) {
      app.options.model = argv[++i];
    } else if (argument == "--budget" && value) {
      app.options.budget = g_ascii_strtod(argv[++i], nullptr);
    } else if (argument == "--seconds" && value) {
      app.options.seconds = std::atoi(argv[++i]);
    } else if (argument.rfind("--", 0) == 0) {
      std::fprintf(stderr, "usage: app [--model FILE] [--budget B] [--seconds N] SOURCE...\n");
      return 2;
    } else {
      app.cameras.push_back(std::make_unique<Camera>());
      app.cameras.back()->app = &app;
      app.cameras.back()->name = argument;
    }
  }
  if (app.cameras.empty()) {
    std::fprintf(stderr, "no SOURCE: a file, rtsp://..., v4l2:///dev/video0 or test://walk:3,wave:3\n");
    return 2;
  }
  g_unix_signal_add(SIGINT, quit, app.loop);
  if (app.options.seconds > 0) g_timeout_add_seconds(app.options.seconds, quit, app.loop);
  for (const auto& camera : app.cameras) camera->start();
  app.quit_when_all_done();  // then the loop ends as soon as it begins
  const auto open = [](const auto& camera) { return !camera->done; };
  if (std::any_of(app.cameras.begin(), app.cameras.end(), open)) g_main_loop_run(app.loop);

  bool failed = false;
  for (const auto& camera : app.cameras) {
    camera->stop();
    std::printf("%s: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " of them with a new label\n",
                camera->name.c_str(), camera->frames, camera->labelled);
    failed |= camera->failed;
  }
  g_main_loop_unref(app.loop);
  return failed ? 1 : 0;
}
