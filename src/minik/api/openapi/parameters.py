"""The query and path parameters of API operations, in short words.

Meaning: https://kubernetes.io/docs/reference/using-api/api-concepts/ and the meta/v1 option types.
"""

# name -> (type, what it does)
PARAMETERS: dict[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "Ask for events of type BOOKMARK, which only tell how far a watch has come."),
    "continue": ("string", "Continue a list where an earlier answer's metadata.continue left off."),
    "dryRun": ("string", "With the value All every stage runs, but nothing is stored."),
    "fieldManager": ("string", "Who makes the change, for managedFields. At most 128 printable characters."),
    "fieldSelector": ("string", "Select the objects whose fields have these values. Defaults to everything."),
    "fieldValidation": (
        "string",
        "What becomes of unknown and repeated fields: Ignore drops them, Warn (the default) drops them and answers "
        "with warnings, Strict refuses the request.",
    ),
    "force": ("boolean", "Take fields that others own. Only for apply patches."),
    "gracePeriodSeconds": ("integer", "Seconds the object may take to end; 0 deletes it at once."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (
        "boolean",
        "Delete the object even if it cannot be read from the store. Dangerous: finalizers are not honoured.",
    ),
    "labelSelector": ("string", "Select the objects with these labels. Defaults to everything."),
    "limit": ("integer", "At most this many objects; metadata.continue of the answer leads to the next ones."),
    "name": ("string", "name of the object"),
    "namespace": ("string", "namespace of the object"),
    "orphanDependents": ("boolean", "Deprecated, use propagationPolicy: whether dependents are left alone."),
    "pretty": ("string", "If 'true', the answer is indented."),
    "propagationPolicy": ("string", "What becomes of dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "How new the answer must be, or where a watch begins."),
    "resourceVersionMatch": ("string", "How resourceVersion applies to a list: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Begin a watch with what there is, ended by a BOOKMARK."),
    "timeoutSeconds": ("integer", "Seconds after which a list or watch ends."),
    "watch": ("boolean", "Stream changes as add, update and remove notifications."),
}
