"""The few errors a user can meet. The command line prints one as one line and exits with code 2."""


class FerdeskError(Exception):
    """Something the user can mend; the message says what happened and what to do."""


class SourceError(FerdeskError):
    """A camera, file, folder or stream cannot be opened or read."""


class ModelError(FerdeskError):
    """A face model is missing, cut short or altered."""


class BundleError(FerdeskError):
    """A model bundle is missing, malformed or does not match its hashes or labels."""


class EngineError(FerdeskError):
    """What is to run a net is not installed, cannot run here, or gives wrong answers."""


class ProfileError(FerdeskError):
    """A neutral profile is missing or malformed, does not fit, or could not be recorded."""


class PreferencesError(FerdeskError):
    """A preference is unknown or out of range, or cannot be stored."""


class OutputError(FerdeskError):
    """A result cannot be written: no permission, no space, or no such folder."""


class ClusterError(FerdeskError):
    """Other machines cannot be used: Ray is missing, does not answer, or is too small."""


class SessionError(FerdeskError):
    """A recorded session is missing, damaged or not one of ours."""


class DamagedSessionError(SessionError):
    """A recorded session's database is damaged; a repair may save what can be read of it."""


class DataError(FerdeskError):
    """A data set is missing, has another layout, or holds values out of range."""
