/// What tests ask the driver of a GPU that is not there; found with dlsym() in the process, since GStreamer
/// opened it.
#pragma once

extern "C" {
/// Copies of pictures, or of their planes, between host and device so far.
int mone_driver_copies_to_host();
int mone_driver_copies_to_device();
}
