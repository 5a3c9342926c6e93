/* What an NVIDIA driver of CUDA 11.4 answers when it is asked for its version; see cuda_driver_test.cc. */
const int mone_old_driver = 1;
int cuDriverGetVersion(int *version);
int cuDriverGetVersion(int *version) {
  *version = 11040;
  return 0;
}
