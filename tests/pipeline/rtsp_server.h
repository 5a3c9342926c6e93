/// An RTSP server on loopback with one H.264 camera, for as long as this lives.
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include <string>
#include <thread>

namespace mone::testing {

class RtspServer {
 public:
  /// @param source  what makes raw video, in gst-launch's words
  explicit RtspServer(const std::string& source)
      : context_(g_main_context_new()), loop_(g_main_loop_new(context_, FALSE)) {
    server_ = gst_rtsp_server_new();
    gst_rtsp_server_set_address(server_, "127.0.0.1");
    gst_rtsp_server_set_service(server_, "0");  // any free port
    GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
    const std::string launch = "( " + source +
                               " ! videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency "
                               "speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )";
    gst_rtsp_media_factory_set_launch(factory, launch.c_str());
    GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(server_);
    gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
    g_object_unref(mounts);
    id_ = gst_rtsp_server_attach(server_, context_);
    thread_ = std::thread([this] {
      g_main_context_push_thread_default(context_);
      g_main_loop_run(loop_);
      g_main_context_pop_thread_default(context_);
    });
  }
  RtspServer(const RtspServer&) = delete;
  RtspServer& operator=(const RtspServer&) = delete;
  ~RtspServer() {
    hang_up();
    g_main_loop_quit(loop_);
    thread_.join();
    if (GSource* source = g_main_context_find_source_by_id(context_, id_)) g_source_destroy(source);
    g_object_unref(server_);
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }

  bool running() const { return id_ != 0; }
  std::string url() const {
    return "rtsp://127.0.0.1:" + std::to_string(gst_rtsp_server_get_bound_port(server_)) + "/camera";
  }
  /// Closes every client's connection, as a server that dies does.
  void hang_up() {
    gst_rtsp_server_client_filter(
        server_, [](GstRTSPServer*, GstRTSPClient*, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  }

 private:
  GMainContext* context_;
  GMainLoop* loop_;
  GstRTSPServer* server_ = nullptr;
  guint id_ = 0;
  std::thread thread_;
};

}  // namespace mone::testing
