/*
 * After --update: replaces the man page and completions that --install wrote by those of the new
 * program.
 */
#ifndef INSTALL_UPDATE_DOCUMENTS_H
#define INSTALL_UPDATE_DOCUMENTS_H

#include "install/update_request.h"

/*
 * Call this in the new program, which contains the new documents. If the program is not in the
 * record, there is nothing to do. 0, or -1 after a message.
 */
int update_documents(const struct update_request *request);

#endif
