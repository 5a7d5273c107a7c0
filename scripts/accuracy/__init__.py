"""How well the agent sees, measured against ground truth. The tool behind `scripts/eval`.

    layout      folders and files under the data root  ->  what can be measured
    camera      lines and zones of a counts file       ->  a camera TOML
    agent       `edge-agent analyze`                   ->  events, tracks, detections
    tracking    MOTChallenge rows (motfile)            ->  HOTA, MOTA, IDF1 ... by TrackEval
    detection   COCO boxes                             ->  AP by pycocotools
    counting    events against hand-made counts (truth, match)
    report      all of it                              ->  one table

Everything read is hostile: a `Fault` names file, line and what is wrong.
"""
