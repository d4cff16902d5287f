/*
 * After --update: the man page and completions that --install put there are those of the new
 * program.
 */
#ifndef INSTALL_UPDATE_DOCUMENTS_H
#define INSTALL_UPDATE_DOCUMENTS_H

#include "install/update_request.h"

/*
 * To be called in the new program, which has them with it. Where the record does not have the
 * program, there is nothing to do. 0, or -1 after a message.
 */
int update_documents(const struct update_request *request);

#endif
