/* Error codes of the whole C core. A function that can fail returns one of these, or a count >= 0. */
#ifndef LOA_ERROR_H
#define LOA_ERROR_H

/* cffi:begin */
enum loa_error {
    LOA_OK = 0,
    LOA_EINVAL = -1,   /* an argument or outside data is not acceptable */
    LOA_ENOMEM = -2,   /* an allocation failed */
    LOA_EFULL = -3,    /* a bounded buffer or table has no room */
    LOA_EGONE = -4,    /* the thing named no longer exists */
    LOA_ECODEC = -5,   /* a library refused the data */
    LOA_ESYS = -6      /* a system call failed; errno says why */
};
/* cffi:end */

#endif
