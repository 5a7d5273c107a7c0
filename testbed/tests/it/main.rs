//! Black-box tests of the two programs, and the test of our own sources.

mod bad_input;
mod clients;
mod codecs;
mod console;
mod counts;
mod faults;
mod main_job;
mod tidy;
mod webdriver;
mod world;
