/* convert.h - the routes of convert.c. */
#ifndef HSE_SERVER_CONVERT_H
#define HSE_SERVER_CONVERT_H

#include "server/routes.h"

bool api_restore(api_call *call);
bool api_convert(api_call *call);

#endif
