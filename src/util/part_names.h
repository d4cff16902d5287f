/*
 * The suffixes of a file that is being downloaded, and of the note beside it that says where its
 * bytes came from. fetch writes files with these names; the clean-up searches for them.
 */
#ifndef UTIL_PART_NAMES_H
#define UTIL_PART_NAMES_H

#define PART_SUFFIX	  ".part"
#define PART_STATE_SUFFIX ".part.state"

#endif
