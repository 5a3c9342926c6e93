// libnvcuvid.so.1 that decodes nothing: GStreamer's plug-in has its elements only where a decoder or an
// encoder is.
#define NOT_HERE(name) \
  extern "C" __attribute__((visibility("default"))) int name() { return 801; }
NOT_HERE(cuvidCtxLockCreate)
NOT_HERE(cuvidCtxLockDestroy)
NOT_HERE(cuvidCtxLock)
NOT_HERE(cuvidCtxUnlock)
NOT_HERE(cuvidCreateDecoder)
NOT_HERE(cuvidReconfigureDecoder)
NOT_HERE(cuvidDestroyDecoder)
NOT_HERE(cuvidDecodePicture)
NOT_HERE(cuvidCreateVideoParser)
NOT_HERE(cuvidParseVideoData)
NOT_HERE(cuvidDestroyVideoParser)
NOT_HERE(cuvidMapVideoFrame64)
NOT_HERE(cuvidUnmapVideoFrame64)
NOT_HERE(cuvidGetDecoderCaps)
