"""Reports: `view` turns a run's record into what is shown, renderers draw it.

record -> view.view -> model.ReportModel -> html.page | terminal | json
"""
