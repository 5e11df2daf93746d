"""Imports what the user has not asked for yet, while there is time."""

from PySide6.QtCore import QObject, QTimer

from ferdesk.ui.worker import Jobs


def import_soon(jobs: Jobs, owner: QObject) -> None:
    """Import the workspaces that are not shown yet, in a job, so that going there is quick.

    It begins once the window is there, while the nets are being loaded. Later it would cost a
    camera's frames: loading a library keeps all of Python waiting for tenths of a second.

    Args:
        jobs: runs it.
        owner: once it is gone, nothing is imported any more.
    """

    def failed(error: Exception) -> None:
        raise error

    QTimer.singleShot(0, owner, lambda: jobs.submit(_import, lambda _: None, failed))


def _import() -> None:
    import ferdesk.ui.analyse.workspace
    import ferdesk.ui.review.workspace  # noqa: F401
